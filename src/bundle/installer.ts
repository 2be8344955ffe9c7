/**
 * What installs requirements into an environment that has no installer of its own: the pip of a
 * Python, of any version since 2016, or uv. Knows how each is told where to, and nothing of what is
 * installed.
 */
import { copyFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import type { Context } from './context.ts';
import { exists, firstExisting } from './disk.ts';
import { askInterpreter } from './interpreter.ts';
import FIND from './pip-finder.py.ts';
import RUN from './pip-runner.py.ts';

export interface Installer {
  /** As messages call it. */
  name: 'pip' | 'uv';
  /** Program and arguments, to which the requirements are to be added. */
  command: readonly [file: string, ...args: string[]];
  env: NodeJS.ProcessEnv;
}

interface Pip {
  /** The directory that it lies in. */
  place: string;
  version: string;
  /** Of its Python. */
  prefix: string;
}

/**
 * Settings of pip that say where to install, or to install nothing, or to say nothing; what the
 * user has set besides (index, proxy, certificates, constraints) counts.
 */
const NOT_OURS = ['TARGET', 'PREFIX', 'ROOT', 'DRY_RUN', 'PYTHON', 'QUIET', 'REPORT'];
/** The first pip that needs no setuptools in the environment to build what has only a setup.py. */
const SELF_RELIANT = [23, 1] as const;

/**
 * What installs into the virtual environment in `environment`, made by `python`.
 * @throws PythonMpiError NO_PACKAGE when there is neither pip nor uv
 */
export async function installerFor(
  environment: string,
  python: string,
  context: Context,
): Promise<Installer> {
  const program = join(environment, 'bin/python');
  // What the user's variables make visible must not pass for installed.
  const env = { ...context.env, PYTHONPATH: undefined, PYTHONHOME: undefined };
  const pip = (await findPip(python, context)) ?? (await pipOfBase(python, context));
  if (pip !== undefined) {
    await takeSettings(pip, environment);
    const options = ['--disable-pip-version-check', '--no-input'];
    const install = ['install', '--no-compile', '--progress-bar=off', '--target='];
    return {
      name: 'pip',
      command: [program, '-c', RUN, pip.place, ...options, ...install],
      env: { ...env, ...settingsFor(pip, context.env) },
    };
  }
  const path = (context.env.PATH ?? '').split(':').filter(isAbsolute);
  const uv = await firstExisting(path.map(directory => join(directory, 'uv')));
  if (uv === undefined) {
    throw new PythonMpiError('NO_PACKAGE', `${python} has no pip, and there is no uv in PATH`, {
      hint: `install one of them ('${python} -m ensurepip'), or name a Python that has pip with --python`,
    });
  }
  const install = ['pip', 'install', '--python', program, '--no-progress', '--link-mode=copy'];
  return { name: 'uv', command: [uv, ...install], env };
}

async function findPip(python: string, { run, env }: Context): Promise<Pip | undefined> {
  const { status, stdout } = await run(python, ['-c', FIND], {
    cwd: '/',
    env: { ...env, PYTHONPATH: undefined, PYTHONHOME: undefined },
  });
  return status === 0 ? (JSON.parse(stdout.trim().split('\n').at(-1)!) as Pip) : undefined;
}

/** An environment made without pip, as uv makes them, may be one of a Python that has it. */
async function pipOfBase(python: string, context: Context): Promise<Pip | undefined> {
  const { prefix, basePrefix } = await askInterpreter(python, context);
  const base = join(basePrefix, 'bin/python3');
  return prefix !== basePrefix && (await exists(base)) ? findPip(base, context) : undefined;
}

/** What is set for the Python itself, beside what is set for the user and the machine. */
async function takeSettings({ prefix }: Pip, environment: string): Promise<void> {
  const settings = join(prefix, 'pip.conf');
  if (await exists(settings)) await copyFile(settings, join(environment, 'pip.conf'));
}

function settingsFor({ version }: Pip, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const settings: NodeJS.ProcessEnv = { PIP_USER: '0' };
  for (const name of NOT_OURS) settings[`PIP_${name}`] = undefined;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [first, second] = SELF_RELIANT;
  if (major < first || (major === first && minor < second)) {
    settings.PIP_USE_PEP517 = env.PIP_USE_PEP517 ?? '1';
  }
  return settings;
}

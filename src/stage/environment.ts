/**
 * Which Python runs from a prefix, and what has to change in its environment for that: as little as
 * possible, since every program that Python starts sees it too.
 *
 * - The prefix brings bin/python3 (or bin/python): that one, which finds everything by where it
 *   lies.
 * - It brings none, or the user wants another: that one, through a virtual environment in the
 *   prefix.
 *
 * PATH begins with the programs of the packages, and PYTHON_MPI_PREFIX says where they are.
 */
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { realPath } from './entries.ts';
import type { RunProgram } from './interpreter.ts';
import { settledOf } from './settle.ts';
import { virtualEnvironment } from './virtual-environment.ts';

/** Changes to an environment. */
export interface Changes {
  set: Readonly<Record<string, string>>;
  unset: readonly string[];
  /** What goes before the value of a variable that is a list with colons. */
  front: Readonly<Record<string, readonly string[]>>;
}

export interface PythonProgram {
  /** Absolute path of the interpreter. */
  file: string;
  changes: Changes;
  /** `3.11.2`; undefined when nothing is staged, and the interpreter was not looked at. */
  version: string | undefined;
  /** What a user should know of what is staged, once per job. */
  warnings: readonly string[];
}

/** Nothing that the user has for us alone is for programs. */
const SECRETS = ['PYTHON_MPI_SECRET'];

/**
 * The interpreter to run and the changes to its environment. The first call for a prefix and an
 * interpreter may run that to ask it; to be made before the ranks of the node do.
 * @param prefix absolute path of the staged tree, published; undefined when nothing is staged
 * @param env the environment of the rank
 * @param wanted interpreter the user insists on: a path, or a name on PATH
 * @throws PythonMpiError NO_INTERPRETER, also when the packages are for another one;
 *   CHROOT_UNUSABLE, NO_SPACE
 */
export async function pythonProgram(
  prefix: string | undefined,
  env: NodeJS.ProcessEnv,
  wanted: string | undefined,
  run: RunProgram,
): Promise<PythonProgram> {
  const unset = SECRETS.filter(name => env[name] !== undefined);
  if (prefix === undefined) {
    const file = lookUp(wanted ?? 'python3', env.PATH);
    return { file, changes: { set: {}, unset, front: {} }, version: undefined, warnings: [] };
  }
  const settled = settledOf(prefix);
  const bin = join(prefix, 'bin');
  const own = settled.interpreter && join(prefix, settled.interpreter.file);
  const file =
    wanted === undefined && own ? own : lookUp(wanted ?? 'python3', front(env.PATH, [bin]));
  const set = { PYTHON_MPI_PREFIX: prefix };
  if (own !== undefined && isOwn(file, own, prefix)) {
    return {
      file,
      changes: {
        set: settled.needsHome ? { ...set, PYTHONHOME: prefix } : set,
        // One that the user has set is about another Python.
        unset: settled.needsHome ? unset : [...unset, 'PYTHONHOME'],
        front: fronts(
          [bin],
          settled.libraries.map(name => join(prefix, name)),
        ),
      },
      version: settled.interpreter?.version,
      warnings: settled.warnings,
    };
  }
  const { directory, version, libraries, warnings } = await virtualEnvironment(
    prefix,
    file,
    env,
    run,
  );
  return {
    file: join(directory, 'bin/python3'),
    changes: { set, unset, front: fronts([join(directory, 'bin'), bin], libraries) },
    version,
    warnings,
  };
}

/** Whether a file is the interpreter of the prefix, or another that stands there. */
function isOwn(file: string, own: string, prefix: string): boolean {
  const real = realPath(file);
  return real === realPath(own) || (real?.startsWith(`${realPath(prefix)}/`) ?? false);
}

function fronts(path: readonly string[], libraries: readonly string[]): Changes['front'] {
  return libraries.length === 0 ? { PATH: path } : { PATH: path, LD_LIBRARY_PATH: libraries };
}

/** An environment with changes. */
export function changed(env: NodeJS.ProcessEnv, changes: Changes): NodeJS.ProcessEnv {
  const result: NodeJS.ProcessEnv = { ...env, ...changes.set };
  for (const name of changes.unset) delete result[name];
  for (const [name, items] of Object.entries(changes.front))
    result[name] = front(result[name], items);
  return result;
}

/** `items` before what a path variable holds; an empty element would mean the working directory. */
function front(variable: string | undefined, items: readonly string[]): string {
  return [...items, ...(variable ? [variable] : [])].join(':');
}

/** Absolute path of a program, found as a shell does. */
function lookUp(program: string, path: string | undefined): string {
  const candidates = program.includes('/')
    ? [program]
    : (path ?? '').split(':').map(directory => join(directory === '' ? '.' : directory, program));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return resolve(found);
  throw new PythonMpiError('NO_INTERPRETER', `there is no interpreter ${program}`, {
    seenBy: 'this node',
    hint: program.includes('/')
      ? 'see whether the file exists and may be executed'
      : 'add a package that brings one or put it on PATH',
  });
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

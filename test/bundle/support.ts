/**
 * Runs python-mpi-bundle as a user would, unpacks what it made with GNU tar, and runs Python from
 * there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readManifest } from '../../src/bundle/manifest.ts';
import { scratch } from '../support/scratch.ts';
import { readTrace } from '../support/traced.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const PROGRAM = join(ROOT, 'src/cli/python-mpi-bundle.ts');
/** The distribution's Python, whatever PATH says. */
export const PYTHON = '/usr/bin/python3';

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

export function command(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number } = {},
): Ran {
  return spawnSync(file, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
}

/** Like {@link command}, for what must succeed. */
export function must(...call: Parameters<typeof command>): string {
  const { status, stdout, stderr } = command(...call);
  if (status !== 0)
    throw new Error(`${call[0]} ${call[1].join(' ')}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}

export function bundle(args: readonly string[], options: Parameters<typeof command>[2] = {}): Ran {
  return command(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', PROGRAM, ...args],
    options,
  );
}

export interface Package {
  file: string;
  /** Where it is unpacked. */
  prefix: string;
  manifest: Awaited<ReturnType<typeof readManifest>>;
  stderr: string;
}

/** Makes a package and unpacks it into a directory of its own. */
export async function packaged(
  args: readonly string[],
  options: Parameters<typeof command>[2] & { suffix?: string } = {},
): Promise<Package> {
  const { suffix = '.tar.zst', ...rest } = options;
  const file = join(scratch(), `package${suffix}`);
  const { status, stderr } = bundle(['-o', file, ...args], rest);
  if (status !== 0) throw new Error(`status ${status}\n${stderr}`);
  const prefix = join(scratch(), 'prefix');
  mkdirSync(prefix);
  must('tar', ['-C', prefix, '-xf', file]);
  return { file, prefix, manifest: await readManifest(file), stderr };
}

/** The environment in which a staged prefix is used. */
export function staged(prefix: string): NodeJS.ProcessEnv {
  const own = existsSync(join(prefix, 'bin/python3'));
  return {
    PATH: `${prefix}/bin:/usr/bin:/bin`,
    LD_LIBRARY_PATH: `${prefix}/lib`,
    PYTHONUSERBASE: prefix,
    PYTHONDONTWRITEBYTECODE: '1',
    ...(own ? { PYTHONHOME: prefix } : { PYTHONPATH: sitePackages(prefix) }),
  };
}

/** `lib/pythonX.Y/site-packages` of a prefix that has one. */
export function sitePackages(prefix: string): string {
  const lib = join(prefix, 'lib');
  const series = existsSync(lib)
    ? readdirSync(lib).find(name => /^python3\.\d+$/.test(name))
    : undefined;
  return join(lib, series ?? 'python3', 'site-packages');
}

/** Paths that a program in a staged prefix looks up below one of `places`, found or not. */
export function lookups(
  prefix: string,
  args: readonly string[],
  places: readonly string[],
): { stdout: string; paths: string[] } {
  const log = join(scratch(), 'strace');
  const python = existsSync(join(prefix, 'bin/python3')) ? join(prefix, 'bin/python3') : PYTHON;
  const stdout = must('strace', ['-f', '-qq', '-o', log, '-e', 'trace=%file', python, ...args], {
    env: staged(prefix),
    cwd: '/',
  });
  const paths = [...readTrace(log).matchAll(/"(\/[^"]*)"/g)].map(match => match[1]!);
  return {
    stdout,
    paths: paths.filter(path =>
      places.some(place => path === place || path.startsWith(`${place}/`)),
    ),
  };
}

/** Writes files given as path -> text; a text that begins with `#!` makes a program. */
export function files(root: string, texts: Record<string, string | Buffer>): string {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    const mode = text.toString('latin1').startsWith('#!') ? 0o755 : 0o644;
    writeFileSync(join(root, path), text, { mode });
  }
  return root;
}

/** A virtual environment of the distribution's Python, without pip. */
export function venv(...options: string[]): { root: string; site: string } {
  const root = join(scratch(), 'env');
  must(PYTHON, ['-m', 'venv', '--without-pip', ...options, root]);
  const site = join(root, 'lib', readdirSync(join(root, 'lib'))[0]!, 'site-packages');
  return { root, site };
}

/** Directory with the wheels of `requirements` and all they need, downloaded once per checkout. */
export function wheels(name: string, requirements: readonly string[]): string {
  const directory = join(ROOT, 'build/wheels', name);
  if (!existsSync(directory)) {
    const partial = `${directory}.${process.pid}`;
    must(PYTHON, [
      '-m',
      'pip',
      'download',
      '-q',
      '--only-binary',
      ':all:',
      '-d',
      partial,
      ...requirements,
    ]);
    try {
      renameSync(partial, directory);
    } catch {
      rmSync(partial, { recursive: true }); // Another run was faster.
    }
  }
  return directory;
}

/**
 * The environment in which pip takes wheels from a directory, whatever its name, and from nowhere
 * else.
 */
export function offline(directory: string): NodeJS.ProcessEnv {
  // pip splits this variable at spaces.
  return { ...process.env, PIP_NO_INDEX: '1', PIP_FIND_LINKS: pathToFileURL(directory).href };
}

/**
 * Directory with the wheels of numpy, scipy, matplotlib, mpi4py, what these need, and what numpy's
 * own tests need.
 */
export function scienceWheels(): string {
  return wheels('science', ['numpy', 'scipy', 'matplotlib', 'mpi4py', 'pytest', 'hypothesis']);
}

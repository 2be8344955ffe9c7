/**
 * Which Python runs from a prefix, and the environment that makes it look there before anywhere else.
 *
 * - The prefix brings bin/python3 (or bin/python): that one. PYTHONHOME is the prefix if the standard
 *   library came along; a venv without its base finds that base through its pyvenv.cfg, and PYTHONHOME
 *   would hide it.
 * - It brings none: `python3` of PATH, and PYTHONPATH begins with the staged packages.
 */
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { hookDirectory } from './abort-hook.ts';

export interface PythonProgram {
  /** Absolute path of the interpreter. */
  file: string;
  env: NodeJS.ProcessEnv;
}

/**
 * The interpreter to run and its environment; what was in the environment stays behind what is staged.
 * @param prefix absolute path of the staged tree; undefined when nothing is staged
 * @param env the environment so far; left as it is
 * @param wanted interpreter the user insists on: a path, or a name on PATH
 * @throws PythonMpiError NO_INTERPRETER
 */
export function pythonProgram(
  prefix: string | undefined,
  env: NodeJS.ProcessEnv,
  wanted?: string,
): PythonProgram {
  if (prefix === undefined) return { file: lookUp(wanted ?? 'python3', env.PATH), env };

  const path = before(env.PATH, [join(prefix, 'bin')]);
  const file = lookUp(wanted ?? stagedInterpreter(prefix) ?? 'python3', path);
  const changed: NodeJS.ProcessEnv = {
    ...env,
    PATH: path,
    LD_LIBRARY_PATH: before(env.LD_LIBRARY_PATH, [join(prefix, 'lib')]),
    PYTHONUSERBASE: prefix,
  };
  const packages = [hookDirectory(prefix), ...inDirectory(prefix, /^site-packages$/)];
  if (file.startsWith(`${prefix}/`)) {
    // One that the user has set is about another Python.
    if (hasStandardLibrary(prefix)) changed.PYTHONHOME = prefix;
    else delete changed.PYTHONHOME;
  } else {
    for (const library of libraries(prefix)) {
      packages.push(...inDirectory(library, /^(site|dist)-packages$/));
    }
  }
  changed.PYTHONPATH = before(env.PYTHONPATH, packages);
  return { file, env: changed };
}

function stagedInterpreter(prefix: string): string | undefined {
  return ['python3', 'python'].map(name => join(prefix, 'bin', name)).find(isExecutable);
}

/** Whether the standard library is there, as files or zipped: Python's own landmarks for it. */
function hasStandardLibrary(prefix: string): boolean {
  const landmark = (library: string) => inDirectory(library, /^os\.pyc?$/).length > 0;
  const zipped = inDirectory(join(prefix, 'lib'), /^python3\d+\.zip$/);
  return zipped.length > 0 || libraries(prefix).some(landmark);
}

/** The lib*\/python3* directories, each once even if lib64 is a symlink to lib. */
function libraries(prefix: string): string[] {
  const seen = new Map<string, string>();
  for (const lib of inDirectory(prefix, /^lib/)) {
    for (const library of inDirectory(lib, /^python3/)) {
      const real = fs.realpathSync(library);
      if (!seen.has(real)) seen.set(real, library);
    }
  }
  return [...seen.values()];
}

/** Paths of a directory's entries that match, sorted; none if it cannot be read. */
function inDirectory(directory: string, pattern: RegExp): string[] {
  let names: string[];
  try {
    names = fs.readdirSync(directory);
  } catch {
    return [];
  }
  const matching = names.filter(name => pattern.test(name)).sort();
  return matching.map(name => join(directory, name));
}

/** `items` before what a path variable holds; an empty element would mean the working directory. */
function before(variable: string | undefined, items: readonly string[]): string {
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

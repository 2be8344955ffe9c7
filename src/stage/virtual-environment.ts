/**
 * Virtual environments in a published prefix, of interpreters that do not stand in it: what makes
 * the Python of PATH find the packages whatever its options, and leaves no trace in the environment
 * of the programs that it starts.
 *
 *     <prefix>/.python-<key>/      one for each interpreter that some job has used
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { entriesOf, realPath, siteDirectories } from './entries.ts';
import { askInterpreter, type Interpreter, type RunProgram } from './interpreter.ts';
import { neededDirectories } from './libraries.ts';
import { chooseSites } from './modules.ts';
import { writeOwn } from './own-directory.ts';
import { configuration } from './settle.ts';
import { STARTUP_FILE, startupLine } from './startup.ts';
import { chrootError, isErrno } from './system-error.ts';
import { freshToken } from './user-directory.ts';

export interface VirtualEnvironment {
  /** Absolute path. */
  directory: string;
  version: string;
  /** Directories that LD_LIBRARY_PATH has to name at its start, absolute. */
  libraries: readonly string[];
  warnings: readonly string[];
}

const RECORD = 'python.json';

/**
 * The virtual environment of an interpreter; it is made if no job has used that one here before.
 * @param prefix published
 * @param file the interpreter, absolute; a wrapper or shim is seen through
 * @throws PythonMpiError NO_INTERPRETER when it does not run or the packages are for another;
 *   CHROOT_UNUSABLE, NO_SPACE
 */
export async function virtualEnvironment(
  prefix: string,
  file: string,
  env: NodeJS.ProcessEnv,
  run: RunProgram,
): Promise<VirtualEnvironment> {
  // What a script comes to may be another thing each time.
  const asked = isScript(file) ? await askInterpreter(file, env, run) : undefined;
  const directory = join(prefix, `.python-${keyOf(asked?.executable ?? file, env)}`);
  const record = recordOf(directory);
  if (record !== undefined) return record;
  const interpreter = asked ?? (await askInterpreter(file, env, run));
  const { sites, warning } = chooseSites(siteDirectories(prefix), interpreter);
  const root = fs.realpathSync(prefix);
  const made = {
    directory,
    version: interpreter.version,
    libraries: neededDirectories(
      root,
      '',
      sites.map(site => realPath(site) ?? site),
    ).map(library => join(prefix, library)),
    warnings: warning === undefined ? [] : [warning],
  };
  make(prefix, interpreter, sites, made);
  return made;
}

function make(
  prefix: string,
  interpreter: Interpreter,
  sites: readonly string[],
  made: VirtualEnvironment,
): void {
  const { base, series, venv, alone } = interpreter;
  const draft = `${made.directory}.${freshToken()}`;
  const library = `lib/python${series}/site-packages`;
  try {
    fs.mkdirSync(join(draft, 'bin'), { recursive: true, mode: 0o700 });
    fs.symlinkSync(base, join(draft, 'bin/python3'));
    for (const name of ['python', `python${series}`]) {
      fs.symlinkSync('python3', join(draft, 'bin', name));
    }
    writeOwn(draft, 'pyvenv.cfg', configuration(dirname(base), !alone));
    const behind = venv === undefined ? [] : [join(venv, library)];
    const line = startupLine({ prefix, sites, behind, libraries: made.libraries });
    writeOwn(draft, join(library, STARTUP_FILE), line);
    // Data that packages look for below sys.prefix.
    for (const name of entriesOf(prefix, /^(?!\.|bin$|lib|pyvenv\.cfg$)/)) {
      fs.symlinkSync(relative(made.directory, join(prefix, name)), join(draft, name));
    }
    writeOwn(draft, RECORD, JSON.stringify(made));
    fs.renameSync(draft, made.directory);
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    // Another job was faster.
    if (!isErrno(error, 'ENOTEMPTY') && !isErrno(error, 'EEXIST'))
      throw chrootError(error, `make ${made.directory}`);
  }
}

function recordOf(directory: string): VirtualEnvironment | undefined {
  try {
    return JSON.parse(fs.readFileSync(join(directory, RECORD), 'utf8')) as VirtualEnvironment;
  } catch {
    return undefined;
  }
}

function isScript(file: string): boolean {
  const descriptor = fs.openSync(file, 'r');
  try {
    const head = Buffer.alloc(2);
    return fs.readSync(descriptor, head) === 2 && head.toString('latin1') === '#!';
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Changes when the interpreter that a path leads to does. */
function keyOf(file: string, env: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256');
  const { size, mtimeMs } = fs.statSync(file);
  const settings = [dirname(file), dirname(dirname(file))].map(place => {
    try {
      return fs.readFileSync(join(place, 'pyvenv.cfg'), 'utf8');
    } catch {
      return '';
    }
  });
  const about = [file, fs.realpathSync(file), size, mtimeMs, env.PYTHONHOME ?? '', settings];
  return hash.update(JSON.stringify(about)).digest('hex').slice(0, 16);
}

/**
 * `python-mpi --check`: asks Python and this machine what a start of the script would touch. The
 * script is read for its imports, which are carried out, but it is not run.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Deadline } from '../../deadline.ts';
import { PythonMpiError } from '../../errors.ts';
import { runCommand } from '../../exec/command.ts';
import { parseMountinfo } from '../../stage/mounts.ts';
import { openPackages } from '../../stage/package-file.ts';
import { freeSpace } from '../../stage/space.ts';
import { measure } from '../../stage/unpack/measure.ts';
import { readWords } from '../python-words.ts';
import type { Configuration } from '../run.ts';
import { type Findings as Advised, advise } from './advice.ts';
import PROBE from './probe.py.ts';

interface Findings {
  lookups: Record<string, number>;
  missing: string[];
  path: string[];
  user: string;
}

/** A program as Python is going to read it. */
interface Source {
  script?: string;
  code: string | Uint8Array;
  /** Python's own options. */
  options: readonly string[];
}

/** What Python was asked to run: a file, or code. */
function sourceOf(python: readonly string[], cwd: string): Source {
  const { program, options } = readWords(python);
  switch (program.kind) {
    case 'code':
      return { code: program.code, options };
    case 'module':
      return { code: `import ${program.name}`, options };
    case 'input':
      throw new PythonMpiError('USAGE', 'there is no script to check');
    case 'script': {
      const script = resolve(cwd, program.file);
      try {
        return { script, code: readFileSync(script), options };
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        throw new PythonMpiError('USAGE', `cannot read ${program.file}: ${code}`, { cause: error });
      }
    }
  }
}

/** Imports that may end the process before the check gives up. */
const MAX_FATAL_IMPORTS = 20;

/**
 * Has an interpreter carry out the imports of a program.
 * @throws PythonMpiError USAGE when it cannot read that, NO_INTERPRETER, TIMEOUT
 */
async function probe(
  interpreter: string,
  { code, options }: Source,
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
  deadline: Deadline,
): Promise<Findings> {
  const fatal: string[] = [];
  for (;;) {
    const { stdout, stderr } = await runCommand(
      interpreter,
      [...options, '-c', PROBE, ...fatal],
      { cwd, env, input: code },
      deadline,
      new AbortController().signal,
    );
    const last = stdout.slice(stdout.lastIndexOf('\n') + 1);
    if (last.startsWith('{')) return JSON.parse(last) as Findings;
    const importing = [...stdout.matchAll(/^>(.*)$/gm)].at(-1)?.[1];
    if (importing === undefined || fatal.length >= MAX_FATAL_IMPORTS) {
      const why = stderr.trim().split('\n').at(-1) ?? '';
      throw new PythonMpiError('USAGE', `${interpreter} cannot read the program: ${why}`);
    }
    fatal.push(importing);
  }
}

/** Bytes of all packages once unpacked; undefined without packages. */
async function unpackedSize({ packages, pkgroot }: Configuration): Promise<number | undefined> {
  const files = await openPackages(packages, pkgroot);
  if (files.length === 0) return undefined;
  try {
    let bytes = 0;
    for (const file of files) bytes += await measure(file);
    return bytes;
  } finally {
    await Promise.all(files.map(file => file.close()));
  }
}

/** A path as the kernel sees it, where it exists. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/**
 * The report on a script, as facts and a line each. Needs no job, and starts none.
 * @param python Python's own arguments
 * @throws PythonMpiError USAGE, NO_INTERPRETER, TIMEOUT, NO_PACKAGE, PACKAGE_UNREADABLE,
 *   CORRUPT_PACKAGE
 */
export async function check(
  configuration: Configuration,
  python: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<{ findings: Advised; lines: string[] }> {
  const deadline = Deadline.after(configuration.timeout);
  const source = sourceOf(python, cwd);
  const { script } = source;
  const directory = script === undefined ? cwd : dirname(script);
  const interpreter = configuration.python ?? 'python3';
  const findings = await probe(interpreter, source, { cwd: directory, env }, deadline);
  const unpacked = await unpackedSize(configuration);

  const list = (value: string | undefined) => (value ?? '').split(':').filter(Boolean).map(real);
  const lookups: Record<string, number> = {};
  for (const [path, count] of Object.entries(findings.lookups)) {
    lookups[real(path)] = (lookups[real(path)] ?? 0) + count;
  }
  const advised: Advised = {
    mounts: parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')),
    places: [
      { name: 'script', paths: script === undefined ? [] : [real(script)] },
      { name: 'sys.path', paths: findings.path.filter(entry => entry !== '').map(real) },
      { name: 'PYTHONUSERBASE', paths: list(findings.user) },
      ...['PYTHONPATH', 'PATH', 'LD_LIBRARY_PATH', 'HOME'].map(name => ({
        name,
        paths: list(env[name]),
      })),
    ],
    lookups,
    missing: findings.missing,
    unpacked,
    free: freeSpace(configuration.chroot),
    chroot: configuration.chroot,
  };
  return { findings: advised, lines: advise(advised) };
}

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
import type { Configuration } from '../run.ts';
import { advise } from './advice.ts';
import PROBE from './probe.py.ts';

interface Findings {
  lookups: Record<string, number>;
  missing: string[];
  path: string[];
  user: string;
}

/** What Python was asked to run: a file, or code. */
function programOf(python: readonly string[], cwd: string): { script?: string; code: string } {
  for (const [i, word] of python.entries()) {
    if (word === '-c') return { code: python[i + 1] ?? '' };
    if (word === '-m') return { code: `import ${python[i + 1] ?? ''}` };
    if (word.startsWith('-')) continue;
    const script = resolve(cwd, word);
    try {
      return { script, code: readFileSync(script, 'utf8') };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new PythonMpiError('USAGE', `cannot read ${word}: ${code}`, { cause: error });
    }
  }
  throw new PythonMpiError('USAGE', 'there is no script to check');
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
 * The report on a script, a line each. Needs no job, and starts none.
 * @param python Python's own arguments
 * @throws PythonMpiError USAGE, NO_INTERPRETER, TIMEOUT, NO_PACKAGE, PACKAGE_UNREADABLE,
 *   CORRUPT_PACKAGE
 */
export async function check(
  configuration: Configuration,
  python: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<string[]> {
  const deadline = Deadline.after(configuration.timeout);
  const { script, code } = programOf(python, cwd);
  const directory = script === undefined ? cwd : dirname(script);
  const interpreter = configuration.python ?? 'python3';
  const { stdout, stderr } = await runCommand(
    interpreter,
    ['-c', PROBE],
    { cwd: directory, env, input: code },
    deadline,
    new AbortController().signal,
  );
  const last = stdout.slice(stdout.lastIndexOf('\n') + 1);
  if (!last.startsWith('{')) {
    const why = stderr.trim().split('\n').at(-1) ?? '';
    throw new PythonMpiError('USAGE', `${interpreter} cannot read the program: ${why}`);
  }
  const findings = JSON.parse(last) as Findings;
  const unpacked = await unpackedSize(configuration);

  const list = (value: string | undefined) => (value ?? '').split(':').filter(Boolean).map(real);
  const lookups: Record<string, number> = {};
  for (const [path, count] of Object.entries(findings.lookups)) {
    lookups[real(path)] = (lookups[real(path)] ?? 0) + count;
  }
  return advise({
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
  });
}

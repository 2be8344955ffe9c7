/**
 * What a Python says about itself. Asked by running it once, isolated from the user's environment.
 */
import { PythonMpiError } from '../errors.ts';
import type { Context } from './context.ts';
import QUESTION from './interpreter.py.ts';

export interface Interpreter {
  /** The program that was asked. */
  file: string;
  /** `3.11.2` */
  version: string;
  /** `3.11`, or `3.13t` for a free-threaded one: what directories are called. */
  series: string;
  /** As in byte code file names: `cpython-311`. */
  tag: string;
  /** `linux-x86_64` */
  platform: string;
  /** `glibc 2.36`, or empty when it does not say. */
  libc: string;
  prefix: string;
  /** The interpreter's own prefix; differs from `prefix` in a virtual environment. */
  basePrefix: string;
  stdlib: string;
  userBase: string;
  /** `site-packages` of the interpreter itself, for packages it knows. */
  purelib: string;
}

/**
 * Asks the Python at `file` (a path, or a name looked up in PATH).
 * @throws PythonMpiError NO_INTERPRETER when it does not run, or is older than 3.7, the first with
 *   hash-based byte code
 */
export async function askInterpreter(file: string, { run }: Context): Promise<Interpreter> {
  const { status, stdout, stderr } = await run(file, ['-I', '-c', QUESTION]);
  if (status !== 0) {
    const reason = stderr.trim().split('\n').at(-1) || `status ${status}`;
    throw new PythonMpiError('NO_INTERPRETER', `${file} does not run as Python: ${reason}`, {
      hint: 'name one that does with --python',
    });
  }
  const answer = { file, ...JSON.parse(stdout.trim().split('\n').at(-1)!) } as Interpreter;
  if (Number(answer.series.split('.')[1]) < 7) {
    throw new PythonMpiError(
      'NO_INTERPRETER',
      `${file} is Python ${answer.version}; 3.7 or later is needed`,
    );
  }
  return answer;
}

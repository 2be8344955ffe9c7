/**
 * What a Python says about itself. It is asked by running it once; how programs are run is the
 * caller's business.
 */
import { PythonMpiError } from '../errors.ts';
import QUESTION from './interpreter.py.ts';

export interface Interpreter {
  /** `3.11.2` */
  version: string;
  /** `3.11`, or `3.13t` for a free-threaded one: what its directories are called. */
  series: string;
  /** The program that was asked, as it sees itself; what a wrapper or shim came to. */
  executable: string;
  /** The file behind it, without symlinks and virtual environments. */
  base: string;
  /** Directory of its standard library. */
  stdlib: string;
  /** Where it takes its compiled modules from. */
  execPrefix: string;
  /**
   * How names of compiled modules end that only it can load: `.cpython-311-x86_64-linux-gnu.so`.
   */
  suffix: string;
  /** The virtual environment that it belongs to, if any. */
  venv: string | undefined;
  /** Whether that one shuts the packages of its base out. */
  alone: boolean;
  /** Where it looks for packages, the directories that do not exist included. */
  sites: readonly string[];
}

/** Runs a program to its end. */
export type RunProgram = (
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
) => Promise<{ status: number | undefined; stdout: string; stderr: string }>;

/** What of a user's environment decides where a Python is found, but not what it runs. */
function bare(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^PYTHON(?!HOME$)/.test(name));
  return Object.fromEntries(kept);
}

/**
 * Asks the Python at `file`.
 * @param env in which it would run
 * @throws PythonMpiError NO_INTERPRETER when it does not run as Python 3
 */
export async function askInterpreter(
  file: string,
  env: NodeJS.ProcessEnv,
  run: RunProgram,
): Promise<Interpreter> {
  const { status, stdout, stderr } = await run(file, ['-S', '-s', '-c', QUESTION], bare(env));
  const answer = stdout.split('\0');
  const [version, series, executable, base, stdlib, execPrefix, suffix, venv, alone, ...sites] =
    answer;
  if (status !== 0 || suffix === undefined || answer.at(-1) !== '') {
    const said = stderr.trim().split('\n');
    const why = (said.find(line => /error/i.test(line)) ?? said.at(-1)) || `status ${status}`;
    throw new PythonMpiError('NO_INTERPRETER', `${file} does not run as Python 3: ${why}`, {
      hint: 'see whether it runs on a node by itself, or name another with PYTHON_MPI_PYTHON',
    });
  }
  return {
    version: version!,
    series: series!,
    executable: executable!,
    base: base!,
    stdlib: stdlib!,
    execPrefix: execPrefix!,
    suffix,
    venv: venv === '' ? undefined : venv,
    alone: alone !== '',
    sites: sites.slice(0, -1),
  };
}

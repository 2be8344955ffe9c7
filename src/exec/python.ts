/**
 * The rank becomes Python, or stays beside it.
 *
 * `become` replaces this process: afterwards the process that the launcher started *is* Python. `supervise`
 * runs Python as a child of the same process group, for a rank that has something left to do at the end.
 * Knows nothing of staging or launchers. What only a parent needs is loaded when there is to be one.
 */
import type { ChildProcess } from 'node:child_process';
import { PythonMpiError } from '../errors.ts';
import type { Outcome } from '../outcome.ts';
import { checkExecutable } from './executable.ts';

/** One program to run: a Python with everything it needs to find its own. */
export interface Program {
  /** Path of the interpreter. */
  file: string;
  /** Arguments after the program's own name. */
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** A descriptor to pass on under its own number (the launcher's PMI connection), if any. */
  descriptor: number | undefined;
}

/** The lowest descriptor that Node does not mark close-on-exec at start, given a closed one below it. */
export const FIRST_INHERITABLE = 17;

/**
 * Replaces this process by the program.
 * @returns only when this runtime cannot do that, or would lose the program's descriptor on the way
 * @throws PythonMpiError NO_INTERPRETER when the program cannot be executed
 */
export function become(program: Program): void {
  const execve = process.execve;
  if (execve === undefined) return;
  if (program.descriptor !== undefined && program.descriptor < FIRST_INHERITABLE) return;
  checkInterpreter(program.file);
  const set = Object.entries(program.env).filter(([, value]) => value !== undefined);
  execve(program.file, [program.file, ...program.args], Object.fromEntries(set));
}

/** A running child, and what it will have come to. */
export interface Supervised {
  readonly pid: number;
  readonly ended: Promise<Outcome>;
}

/**
 * Runs the program as a child that gets our standard streams and, once each, the signals sent to us.
 * @throws PythonMpiError NO_INTERPRETER when the program cannot be executed
 */
export async function supervise(program: Program): Promise<Supervised> {
  const stdio: ('inherit' | 'ignore' | number)[] = ['inherit', 'inherit', 'inherit'];
  if (program.descriptor !== undefined) {
    // Holes would be compacted away and the descriptor arrive under another number.
    while (stdio.length < program.descriptor) stdio.push('ignore');
    stdio.push(program.descriptor);
  }
  checkInterpreter(program.file);
  const { spawn } = await import('node:child_process');
  const { SignalRelay } = await import('./signals.ts');
  const child = spawn(program.file, program.args, { stdio, env: program.env });
  await started(child, program);
  const relay = new SignalRelay(signal => child.kill(signal));
  const ended = new Promise<Outcome>(resolve => {
    child.once('exit', (status, signal) => {
      relay.stop();
      resolve({ status: status ?? 0, signal: signal ?? undefined });
    });
  });
  return { pid: child.pid!, ended };
}

/**
 * @param file path of an interpreter
 * @throws PythonMpiError NO_INTERPRETER when this machine cannot execute it
 */
export function checkInterpreter(file: string): void {
  try {
    checkExecutable(file);
  } catch (error) {
    throw cannotRun(file, error);
  }
}

function started(child: ChildProcess, program: Program): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', error => reject(cannotRun(program.file, error)));
  });
}

function cannotRun(file: string, cause: unknown): PythonMpiError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = code ?? message;
  return new PythonMpiError('NO_INTERPRETER', `cannot run ${file} (${reason})`, {
    seenBy: 'this node',
    hint: 'put a Python into the packages or on PATH',
    cause,
  });
}

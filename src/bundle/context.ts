/**
 * What every step of making a package is given: how to run a command, whom to tell, when to stop.
 *
 * Commands are run by the caller's means, because only one part of the program may start processes.
 */
import { PythonMpiError } from '../errors.ts';

export interface Outcome {
  /** Exit status, or undefined after death by a signal. */
  status: number | undefined;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Sent to standard input, which is then closed. */
  input?: string;
}

/** Runs a program to its end. Rejects with NO_INTERPRETER when it cannot be started, CANCELLED or TIMEOUT. */
export type Run = (
  file: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<Outcome>;

export type Progress = (phase: string, done: number, total: number) => void;

export interface Context {
  run: Run;
  /** The user's environment; never written. */
  env: NodeJS.ProcessEnv;
  /** A private directory for this run, removed by whoever made it. */
  scratch: string;
  signal: AbortSignal;
  /** Units are the phase's own; `done` equals `total` at its end. */
  progress: Progress;
  /** One thing the user must know, as one clause. */
  warn: (message: string) => void;
}

/** @throws PythonMpiError CANCELLED once the user has asked to stop */
export function checkCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new PythonMpiError('CANCELLED', 'cancelled; nothing was written');
}

/** `a, b, c and 12 more`: names for a message of one line. */
export function naming(names: readonly string[], most = 5): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ');
}

/**
 * What every step of making a package is given: how to run a command, where to report progress,
 * when to stop.
 */
import type { RunCommand } from '../command.ts';
import { PythonMpiError } from '../errors.ts';

export type Progress = (phase: string, done: number, total: number) => void;

export interface Context {
  run: RunCommand;
  /** The user's environment; never written. */
  env: NodeJS.ProcessEnv;
  /** A private directory for this run; the caller removes it. */
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

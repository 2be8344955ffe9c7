/**
 * How a process ended. A leaf: launchers, Python and the command line all speak of it.
 */
import { constants } from 'node:os';

/** By itself with a status, or by a signal. */
export interface Outcome {
  readonly status: number;
  readonly signal: NodeJS.Signals | undefined;
}

export const SUCCESS: Outcome = { status: 0, signal: undefined };

/** What a shell reports for an outcome. */
export function shellStatus({ status, signal }: Outcome): number {
  return signal === undefined ? status : 128 + constants.signals[signal];
}

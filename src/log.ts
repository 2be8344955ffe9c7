/**
 * The story of a run on stderr, for PYTHON_MPI_VERBOSE. Owns the format; knows nothing of what is
 * told.
 */
import { STDERR, say } from './output.ts';

export type Log = (message: string) => void;

/** A log that says nothing: the default. */
export const silent: Log = () => {};

/**
 * A log that writes `python-mpi: [  12.3 ms] host rank: message` lines.
 * @param speaker shown on every line, typically `host/rank`
 * @param start origin of the times, in milliseconds of `performance.now()`
 */
export function verbose(speaker: () => string, start: number): Log {
  return message => {
    const elapsed = (performance.now() - start).toFixed(1).padStart(8);
    say(STDERR, `python-mpi: [${elapsed} ms] ${speaker()}: ${message}\n`);
  };
}

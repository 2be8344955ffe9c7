/**
 * What the programs that run as ranks of a job have in common: which rank speaks, how far it is, and how to end.
 */
import { now } from '../deadline.ts';
import { asPythonMpiError, type PythonMpiError } from '../errors.ts';
import { STDERR, say } from '../output.ts';
import { leave } from './leave.ts';
import { StatusLine } from './status-line.ts';

/** Shorter broadcasts than this pass without a word, in milliseconds; so long a word stands. */
const PATIENCE_MS = 1000;

/** Tells the user of an error, in one line. */
export function complainAs(program: string): (error: PythonMpiError) => void {
  return error => say(STDERR, `${program}: ${error.toLine()}\n`);
}

/** Tells the user of what is no error yet, in one line. */
export function warnAs(program: string): (message: string) => void {
  return message => say(STDERR, `${program}: warning: ${message}\n`);
}

/** On a terminal: a line that says how far a long broadcast has come, and goes away at its end. */
export function progressOf(program: string): (done: number, total: number) => void {
  const start = now();
  const line = new StatusLine(PATIENCE_MS);
  return (done, total) => {
    if (done === total) line.clear();
    else if (now() - start >= PATIENCE_MS)
      line.show(`${program}: ${(done / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`);
  };
}

/** The first rank, as far as the environment tells before anything was detected: it speaks for the job. As bin/python-mpi. */
export function isFirstRank(env: NodeJS.ProcessEnv): boolean {
  const rank =
    env.PMI_RANK ??
    env.PMI_ID ??
    env.PMIX_RANK ??
    env.OMPI_COMM_WORLD_RANK ??
    env.PALS_RANKID ??
    env.ALPS_APP_PE ??
    env.FLUX_TASK_RANK ??
    env.JSM_NAMESPACE_RANK ??
    env.MV2_COMM_WORLD_RANK ??
    env.SLURM_PROCID;
  return rank === undefined || rank === '0';
}

/**
 * Ends a rank after an error that the user has not been told of yet.
 * @param program whose name stands before the line
 */
export function leaveWith(program: string, thrown: unknown): never {
  const error = asPythonMpiError(thrown);
  // What the user got wrong, every rank finds out.
  if (error.code !== 'USAGE' || isFirstRank(process.env)) complainAs(program)(error);
  return leave(error.status);
}

/**
 * What the programs that run as ranks of a job have in common: who speaks, how far it is, and how to end.
 */
import { now } from '../deadline.ts';
import { asPythonMpiError, type PythonMpiError } from '../errors.ts';

/** Shorter broadcasts than this pass without a word, in milliseconds. */
const PATIENCE_MS = 1000;

/** Tells the user of an error, in one line. */
export function complainAs(program: string): (error: PythonMpiError) => void {
  return error => void process.stderr.write(`${program}: ${error.toLine()}\n`);
}

/** Tells the user of what is no error yet, in one line. */
export function warnAs(program: string): (message: string) => void {
  return message => void process.stderr.write(`${program}: warning: ${message}\n`);
}

/** On a terminal: a line that says how far a long broadcast has come, and goes away at its end. */
export function progressOn(
  out: NodeJS.WriteStream,
  program: string,
): (done: number, total: number) => void {
  const start = now();
  let shown = 0;
  return (done, total) => {
    if (!out.isTTY) return;
    if (now() - Math.max(start, shown) < PATIENCE_MS && !(done === total && shown > 0)) return;
    shown = now();
    const text =
      done < total
        ? `${program}: ${(done / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`
        : '';
    out.write(`\r\x1b[K${text}`);
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
 * Ends the process at once. Not by exit(3): a thread may be blocked in a read from a launcher that does not
 * answer, and exit would wait for it.
 */
export function leave(status: number): never {
  process.execve?.('/bin/sh', ['sh', '-c', `exit ${status}`], {});
  process.exit(status);
}

/**
 * Ends a rank after an error that nobody has told the user of yet.
 * @param program whose name stands before the line
 */
export function leaveWith(program: string, thrown: unknown): never {
  const error = asPythonMpiError(thrown);
  // What the user got wrong, every rank finds out.
  if (error.code !== 'USAGE' || isFirstRank(process.env)) complainAs(program)(error);
  leave(error.status);
}

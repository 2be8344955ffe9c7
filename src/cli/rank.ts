/**
 * What the programs that run as ranks of a job have in common: which rank speaks, how far it is,
 * and how to end.
 */
import { now } from '../deadline.ts';
import { asPythonMpiError, JobFailed, type PythonMpiError } from '../errors.ts';
import { tells } from '../launch/rendezvous/who-tells.ts';
import type { Run } from '../launch/run.ts';
import { silent, verbose } from '../log.ts';
import { STDERR, say } from '../output.ts';
import { isFirstRank } from '../pmi/rank-variables.ts';
import { leave } from './leave.ts';
import { StatusLine } from './status-line.ts';

/** Shorter broadcasts than this pass without a word, in milliseconds; so long a word stands. */
const PATIENCE_MS = 1000;

/** Tells the user of an error, in one line. */
function complainAs(program: string): (error: PythonMpiError) => void {
  return error => say(STDERR, `${program}: ${error.toLine()}\n`);
}

/** Tells the user of what is no error yet, in one line. */
export function warnAs(program: string): (message: string) => void {
  return message => say(STDERR, `${program}: warning: ${message}\n`);
}

/** Tells the user what has been done, in one line. */
export function informAs(program: string): (message: string) => void {
  return message => say(STDERR, `${program}: ${message}\n`);
}

/** On a terminal: a line that says how far a long broadcast has come, and goes away at its end. */
function progressOf(program: string): (done: number, total: number) => void {
  const start = now();
  const line = new StatusLine(PATIENCE_MS);
  return (done, total) => {
    if (done === total) line.clear();
    else if (now() - start >= PATIENCE_MS)
      line.show(`${program}: ${(done / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`);
  };
}

/**
 * How a rank's program speaks: its log, once it knows for which rank, its progress and its errors.
 * @param isVerbose whether the log is told
 */
export function voiceOf(
  program: string,
  isVerbose: boolean,
): Pick<Run, 'log' | 'introduce' | 'progress' | 'complain'> {
  let speaker = '';
  return {
    log: isVerbose ? verbose(() => speaker, now()) : silent,
    introduce: rank => {
      speaker = rank;
    },
    progress: progressOf(program),
    complain: complainAs(program),
  };
}

/**
 * Ends a rank that cannot go on. Unless the user has been told why, or another rank does it, this
 * one does.
 * @param program whose name stands before the line
 * @param env tells whether this is the first rank
 */
export function leaveWith(program: string, env: NodeJS.ProcessEnv, thrown: unknown): never {
  if (thrown instanceof JobFailed) return leave(thrown.error.status);
  const error = asPythonMpiError(thrown);
  if (tells({ rank: isFirstRank(env) ? 0 : 1, nodeMap: undefined }, error))
    complainAs(program)(error);
  return leave(error.status);
}

/**
 * Processes we did not start, known by pid and start time so that a reused pid is never mistaken
 * for the process it once named. Linux: proc(5), field 22 of /proc/PID/stat.
 */
import { readFileSync } from 'node:fs';
import { Backoff } from '../deadline.ts';
import type { ProcessIdentity } from '../process-identity.ts';

/** Longest time between two looks, in milliseconds. */
const POLL_MS = 50;

/** State and start time of a process, or undefined when there is none of that pid. */
function look(pid: number): { state: string; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name is in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, started: fields[19]! };
  } catch {
    return undefined;
  }
}

/** Who this process is. It keeps that identity over exec. */
export function self(): ProcessIdentity {
  return identityOf(process.pid);
}

/**
 * Who runs beside this process, its starter: it becomes this rank's Python, or is there as long as
 * that is, while this process may end before.
 */
export function starterProcess(): ProcessIdentity {
  return identityOf(process.ppid);
}

function identityOf(pid: number): ProcessIdentity {
  return { pid, started: look(pid)?.started ?? '' };
}

/** Whether that very process still runs. A zombie does not. */
export function alive(identity: ProcessIdentity): boolean {
  const seen = look(identity.pid);
  return seen !== undefined && seen.started === identity.started && !'ZX'.includes(seen.state);
}

/**
 * Resolves when none of the processes runs any more. Not bounded: they run as long as the user's
 * program.
 */
export async function allGone(identities: readonly ProcessIdentity[]): Promise<void> {
  const backoff = new Backoff(POLL_MS);
  while (identities.some(alive)) await backoff.pause();
}

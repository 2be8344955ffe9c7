/**
 * What the starters of a run that is over may leave in the user's directory (starter/session.h,
 * starter/run_key.h).
 *
 *     session-<key>-<node>/    where a node's ranks meet; its `lock` is held by the leader's starter for its life
 *     runs-<key>-<node>        how many runs each rank has had, for as long as it may have another one
 */
import fs from 'node:fs';
import { join } from 'node:path';
import type { ProcessIdentity } from '../process-identity.ts';
import { KernelLock } from './lock.ts';
import { isErrno } from './system-error.ts';

/** Whether that very process still runs. */
type Alive = (process: ProcessIdentity) => boolean;

/**
 * Discards the sessions whose leader is gone, and the counts of ranks that are. During a change of
 * the directory.
 */
export function sweepSessions(directory: string, names: readonly string[], alive: Alive): void {
  for (const name of names) {
    const path = join(directory, name);
    try {
      if (name.startsWith('session-')) sweepSession(path);
      else if (name.startsWith('runs-')) sweepRuns(path, alive);
    } catch (error) {
      // Its owner was faster.
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
}

function sweepSession(path: string): void {
  const lock = KernelLock.take(join(path, 'lock'));
  if (lock === undefined) return;
  for (const name of fs.readdirSync(path)) fs.rmSync(join(path, name), { force: true });
  fs.rmdirSync(path);
  lock.release();
}

/** Bytes of a rank's slot: how many runs, the number of a process and its start time. */
const SLOT = 16;

function sweepRuns(path: string, alive: Alive): void {
  const slots = fs.readFileSync(path);
  for (let at = 0; at + SLOT <= slots.length; at += SLOT) {
    if (slots.readUInt32LE(at) === 0) continue;
    const pid = slots.readUInt32LE(at + 4);
    if (alive({ pid, started: String(slots.readBigUInt64LE(at + 8)) })) return;
  }
  fs.rmSync(path);
}

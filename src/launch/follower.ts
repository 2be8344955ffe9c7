/**
 * The part of a rank that is not its node's leader: ask the leader what became of the broadcast.
 */
import { Deadline } from '../deadline.ts';
import { self } from '../exec/processes.ts';
import { askLeader } from '../net/local.ts';
import type { Rendezvous } from '../pmi/launcher.ts';
import { AFTERMATH_MS, deserted } from './failure.ts';
import { decodeFailure, decodeVerdict, type LocalVerdict } from './plan.ts';
import { meetingOf } from './rendezvous/choose.ts';
import type { Roster } from './rendezvous/node-map.ts';
import { JobFailed, type Run } from './run.ts';

/**
 * @param isSuccess whether something is that
 * @returns what the leader tells its ranks after a good verdict
 * @throws JobFailed with the session's verdict; or when the leader cannot be reached or goes away
 * @throws PythonMpiError for that, when it is this rank that has to tell
 */
export async function follow<Success extends object>(
  { env, log }: Pick<Run, 'env' | 'log'>,
  rendezvous: Rendezvous,
  roster: Roster,
  deadline: Deadline,
  isSuccess: (said: unknown) => said is Success,
): Promise<Success> {
  const meeting = meetingOf(rendezvous, roster, { env, only: undefined, deadline, log });
  const about = { rank: rendezvous.placement.rank, position: roster.position, member: self() };
  // When time is over the leader says so, and what it was that did not come.
  const last = new Deadline(deadline.at + AFTERMATH_MS);
  let verdict: LocalVerdict<Success>;
  try {
    const { secret, leader } = await meeting.follow();
    verdict = decodeVerdict(await askLeader(leader.local, secret, about, last), isSuccess);
  } catch (thrown) {
    throw deserted(roster, thrown);
  }
  if ('failure' in verdict) {
    const { code, text } = verdict.failure;
    throw new JobFailed(decodeFailure(code, text, 'the broadcast failed'));
  }
  return verdict;
}

/**
 * The part of a rank that is not its node's leader: ask the leader what became of the broadcast.
 */
import { Deadline } from '../deadline.ts';
import { JobFailed } from '../errors.ts';
import { self } from '../exec/processes.ts';
import { askLeader } from '../net/local.ts';
import type { LauncherSession } from '../pmi/launcher.ts';
import { CLEANUP_MS } from './failure.ts';
import { decodeFailure, decodeVerdict, type LocalVerdict } from './plan.ts';
import { chooseRendezvous } from './rendezvous/choose.ts';
import type { NodeMap } from './rendezvous/node-map.ts';
import { deserted } from './rendezvous/who-tells.ts';
import type { Configuration, Run } from './run.ts';

/**
 * @returns the directory in which the leader has everything, after a good verdict
 * @throws JobFailed with the session's verdict
 * @throws PythonMpiError also when the leader cannot be reached or goes away
 */
export async function follow(
  {
    configuration,
    env,
    log,
  }: Pick<Run, 'env' | 'log'> & { configuration: Pick<Configuration, 'reach'> },
  session: LauncherSession,
  nodeMap: NodeMap,
  deadline: Deadline,
): Promise<string> {
  const rendezvous = chooseRendezvous(session, nodeMap, {
    env,
    reach: configuration.reach,
    deadline,
    log,
  });
  const about = { rank: session.placement.rank, position: nodeMap.position, member: self() };
  // When time is over the leader says so, and what it was that did not come.
  const last = new Deadline(deadline.at + CLEANUP_MS);
  let verdict: LocalVerdict;
  try {
    const { secret, leader } = await rendezvous.follow();
    verdict = decodeVerdict(await askLeader(leader.local, secret, about, last));
  } catch (thrown) {
    throw deserted(thrown);
  }
  if ('failure' in verdict) {
    const { code, text } = verdict.failure;
    throw new JobFailed(decodeFailure(code, text, 'the broadcast failed'));
  }
  return verdict.directory;
}

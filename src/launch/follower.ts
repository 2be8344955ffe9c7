/**
 * The part of a rank that is not its node's leader: ask the leader what became of the broadcast.
 */
import { Deadline, pause } from '../deadline.ts';
import { JobFailed } from '../errors.ts';
import { starterProcess } from '../exec/processes.ts';
import { OtherSession } from '../net/handshake.ts';
import { askLeader } from '../net/local.ts';
import type { LauncherSession } from '../pmi/launcher.ts';
import { CLEANUP_MS } from './failure.ts';
import { decodeFailure, decodeVerdict, type LocalVerdict } from './plan.ts';
import { chooseRendezvous } from './rendezvous/choose.ts';
import type { NodeMap } from './rendezvous/node-map.ts';
import { deserted } from './rendezvous/who-tells.ts';
import type { Configuration, Run } from './run.ts';

/** Pause before asking again a leader that is still in another run, in milliseconds. */
const RETRY_MS = 100;

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
  const about = {
    rank: session.placement.rank,
    position: nodeMap.position,
    member: starterProcess(),
  };
  // When time is over the leader says so, and what it was that did not come.
  const last = new Deadline(deadline.at + CLEANUP_MS);
  /** The leader may still be in the run before this one, which may have another secret. */
  const ask = async (): Promise<unknown> => {
    for (;;) {
      const { secret, leader } = await rendezvous.follow();
      try {
        return await askLeader(leader.local, secret, about, last);
      } catch (error) {
        if (!(error instanceof OtherSession) || deadline.expired) throw error;
        await pause(RETRY_MS);
      }
    }
  };
  let verdict: LocalVerdict;
  try {
    verdict = decodeVerdict(await ask());
  } catch (thrown) {
    throw deserted(thrown);
  }
  if ('failure' in verdict) {
    const { code, text } = verdict.failure;
    throw new JobFailed(decodeFailure(code, text, 'the broadcast failed'));
  }
  return verdict.directory;
}

/**
 * How a rank ends that cannot do what it was started for.
 */
import { hostname } from 'node:os';
import { pause } from '../deadline.ts';
import { asPythonMpiError, JobFailed } from '../errors.ts';
import { SUCCESS } from '../outcome.ts';
import type { LauncherSession } from '../pmi/launcher.ts';
import type { NodeMap } from './rendezvous/node-map.ts';
import { tells } from './rendezvous/who-tells.ts';
import type { Run } from './run.ts';

/**
 * How long the verdict may take to reach all nodes below, and cleaning up may take, in
 * milliseconds.
 */
export const CLEANUP_MS = 10_000;
/**
 * How long the rank that tells the user may take to end the job, in milliseconds: a launcher may
 * end it as soon as any rank has ended.
 */
const PRECEDENCE_MS = 1000;

/** Where a rank was when it could not go on. */
export interface Stopped {
  session: LauncherSession;
  /** Undefined before the ranks have found each other. */
  nodeMap: NodeMap | undefined;
  /** Undoes what this rank did on its node. */
  release?: (() => Promise<void>) | undefined;
}

/**
 * Tells the launcher, and the user unless another rank does.
 * @returns what to throw
 */
export async function giveUp(
  run: Pick<Run, 'complain' | 'env'> & Partial<Pick<Run, 'starter'>>,
  { session, nodeMap, release }: Stopped,
  thrown: unknown,
): Promise<JobFailed> {
  // All ranks end by themselves after a common verdict; otherwise the launcher has to free them.
  if (thrown instanceof JobFailed) {
    await session.finish(SUCCESS);
    return thrown;
  }
  const error = asPythonMpiError(thrown);
  error.host ??= hostname();
  const { rank, nodes } = session.placement;
  if (!tells({ rank, nodeMap: nodeMap ?? leadershipOf(rank, nodes) }, error)) {
    await pause(PRECEDENCE_MS);
    await session.finish(SUCCESS);
    return new JobFailed(error);
  }
  // What is wrong on a node is often wrong on all, and the first rank has told it and ended
  // the job then.
  if (error.seenBy === 'this node' && rank !== 0) await pause(PRECEDENCE_MS);
  run.complain(error);
  await release?.();
  await session.abort(error.status);
  // Where the launcher cannot be asked to end the job, the other ranks would wait for this one.
  const { kvs, rendezvousFile, endCommand } = session;
  if (kvs === undefined && rendezvousFile === undefined && endCommand !== undefined) {
    await run.starter?.outlive();
    const { endJob } = await import('../exec/end.ts');
    await endJob(endCommand, run.env);
  }
  return new JobFailed(error);
}

/**
 * Whether a rank is the first of its node; undefined where the launcher does not say who shares
 * one.
 */
function leadershipOf(
  rank: number,
  nodes: readonly number[] | undefined,
): Pick<NodeMap, 'leads' | 'isDeputy'> | undefined {
  return nodes && { leads: nodes.indexOf(nodes[rank]!) === rank, isDeputy: rank === 1 };
}

/**
 * How a rank ends that cannot do what it was started for.
 */
import { hostname } from 'node:os';
import { pause } from '../deadline.ts';
import { asPythonMpiError, type ErrorCode } from '../errors.ts';
import { SUCCESS } from '../outcome.ts';
import type { LauncherSession } from '../pmi/launcher.ts';
import type { NodeMap } from './rendezvous/node-map.ts';
import { JobFailed, type Run } from './run.ts';

/**
 * How long the verdict may take to reach all nodes below, and cleaning up may take, in
 * milliseconds.
 */
export const CLEANUP_MS = 10_000;
/**
 * How long the first rank may take to end the job with an error that all ranks make, in
 * milliseconds.
 */
export const PRECEDENCE_MS = 1000;

/**
 * Tells the launcher, and the user unless the root has done so already.
 * @param release undoes what this rank did on its node
 * @returns what to throw
 */
export async function giveUp(
  run: Pick<Run, 'complain' | 'env'>,
  session: LauncherSession,
  release: (() => Promise<void>) | undefined,
  thrown: unknown,
): Promise<JobFailed> {
  // All ranks end by themselves after a common verdict; otherwise the launcher has to free them.
  if (thrown instanceof JobFailed) {
    await session.finish(SUCCESS);
    return thrown;
  }
  const error = asPythonMpiError(thrown);
  error.host ??= hostname();
  // What the user got wrong, all ranks find out, as a rule; only if the first one did not is
  // this the one to say it.
  if (error.code === 'USAGE' && session.placement.rank !== 0) await pause(PRECEDENCE_MS);
  run.complain(error);
  await release?.();
  await session.abort(error.status);
  // Where the launcher has no ear, the others would wait for this rank.
  const { kvs, rendezvousFile, endCommand } = session;
  if (kvs === undefined && rendezvousFile === undefined && endCommand !== undefined) {
    const { endJob } = await import('../exec/end.ts');
    await endJob(endCommand, run.env);
  }
  return new JobFailed(error);
}

/** What a rank finds that cannot reach another one, or waits for it in vain. */
const DESERTED: readonly ErrorCode[] = ['PEER_LOST', 'UNREACHABLE', 'TIMEOUT'];

/**
 * What to throw where a rank cannot go on without another one. All such ranks would tell the same,
 * and the first rank, while it lives, knows better: so one of them does.
 */
export function deserted({ isDeputy }: NodeMap, thrown: unknown): unknown {
  const error = asPythonMpiError(thrown);
  return isDeputy || !DESERTED.includes(error.code) ? thrown : new JobFailed(error);
}

/**
 * How a rank ends that cannot do what it was started for.
 */
import { hostname } from 'node:os';
import { asPythonMpiError } from '../errors.ts';
import { SUCCESS } from '../outcome.ts';
import type { Rendezvous } from '../pmi/rendezvous.ts';
import { JobFailed, type Run } from './run.ts';

/**
 * Tells the launcher, and the user of what the root has not told him already.
 * @param release undoes what this rank did on its node
 * @returns what to throw
 */
export async function giveUp(
  run: Pick<Run, 'complain'>,
  rendezvous: Rendezvous,
  release: (() => Promise<void>) | undefined,
  thrown: unknown,
): Promise<JobFailed> {
  // All ranks end by themselves after a common verdict; otherwise the launcher has to free them.
  if (thrown instanceof JobFailed) {
    await rendezvous.finish(SUCCESS);
    return thrown;
  }
  const error = asPythonMpiError(thrown);
  error.host ??= hostname();
  run.complain(error);
  await release?.();
  await rendezvous.abort(error.status);
  return new JobFailed(error);
}

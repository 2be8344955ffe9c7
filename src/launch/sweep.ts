/**
 * What the janitor of a node leader does when the leader was killed: the same sweep that the next run would do.
 */
import { Deadline, pause } from '../deadline.ts';
import { alive } from '../exec/processes.ts';
import { Store } from '../stage/prefix.ts';

/** Ranks that were killed together with their leader take a moment to end, in milliseconds. */
const PATIENCE_MS = 20_000;
const RETRY_MS = 100;

/**
 * Sweeps the chroot until everything dead is gone. Those who live are left alone: they clean up after themselves.
 * @throws PythonMpiError as Store.open
 */
export async function sweep(chroot: string): Promise<void> {
  const deadline = Deadline.after(PATIENCE_MS);
  const store = await Store.open(chroot, alive, deadline);
  while ((await store.sweep(deadline)) > 0 && !deadline.expired) await pause(RETRY_MS);
}

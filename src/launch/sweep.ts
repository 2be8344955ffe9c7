/**
 * What the janitor of a node leader does when the leader was killed: the same sweep that the next
 * run would do.
 */
import { Deadline, pause } from '../deadline.ts';
import { alive } from '../exec/processes.ts';
import { sweepDrafts } from '../stage/copy/copy-draft.ts';
import { PrefixStore } from '../stage/prefix.ts';
import type { CleanupKind } from './run.ts';

/** Ranks that were killed together with their leader take a moment to end, in milliseconds. */
const PATIENCE_MS = 20_000;
const RETRY_MS = 100;

/** One look at everything that may lie there: how much of it cannot be swept yet. */
type Sweep = (deadline: Deadline) => Promise<number>;

const SWEEPS: Record<CleanupKind, (directory: string, deadline: Deadline) => Promise<Sweep>> = {
  prefixes: async (chroot, deadline) => {
    const store = await PrefixStore.open(chroot, alive, deadline);
    return deadline => store.sweep(deadline);
  },
  drafts: async directory => async () => {
    sweepDrafts(directory);
    return 0;
  },
};

/**
 * Sweeps the directory until everything dead is gone. What living processes use is left alone: they
 * clean up after themselves.
 * @throws PythonMpiError as PrefixStore.open
 */
export async function sweep(litter: CleanupKind, directory: string): Promise<void> {
  const deadline = Deadline.after(PATIENCE_MS);
  const look = await SWEEPS[litter](directory, deadline);
  while ((await look(deadline)) > 0 && !deadline.expired) await pause(RETRY_MS);
}

/**
 * PMI-1 over an inherited descriptor: MPICH's Hydra, and Intel MPI, MVAPICH2 and Flux, which do the same.
 *
 * The launcher takes a second `init` on the descriptor, so Python's own session works after ours. But a process
 * that has spoken and ends without `finalize` makes Hydra kill the job, and after `finalize` nobody can speak: so
 * whoever spoke stays until Python has ended, and finalizes then if Python did not.
 */
import { openInherited } from './pmi1/rendezvous.ts';
import type { Method } from './rendezvous.ts';

export const hydra: Method = {
  name: 'hydra',

  claims(env) {
    const { PMI_FD, PMI_RANK, PMI_SIZE } = env;
    if (PMI_FD === undefined || PMI_RANK === undefined || PMI_SIZE === undefined) return undefined;
    if (isSrun(env)) return undefined;
    return `PMI_FD=${PMI_FD}, PMI_RANK=${PMI_RANK}, PMI_SIZE=${PMI_SIZE}`;
  },

  open(opening) {
    return openInherited(this.name, opening, { env: {}, parentMustStay: true });
  },
};

/**
 * Whether the descriptor belongs to `srun --mpi=pmi2`, which hangs a client that says `init` twice. Ranks of a
 * Hydra inside an allocation inherit SLURM_* too, but of the step that started the proxies.
 */
function isSrun(env: NodeJS.ProcessEnv): boolean {
  return (
    env.PMI_JOBID !== undefined &&
    env.SLURM_STEP_ID !== undefined &&
    env.PMI_RANK === env.SLURM_PROCID &&
    env.PMI_SIZE === env.SLURM_STEP_NUM_TASKS
  );
}

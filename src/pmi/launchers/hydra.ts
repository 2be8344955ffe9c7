/**
 * PMI-1 over an inherited descriptor: MPICH's Hydra, and Intel MPI, MVAPICH2 and Flux, which do the
 * same.
 *
 * The launcher takes a second `init` on the descriptor, so Python's own session works after ours.
 * But a process that has spoken and ends without `finalize` makes Hydra kill the job, and after
 * `finalize` no process can speak: so the process that spoke stays until Python has ended, and
 * finalizes then if Python did not.
 */

import type { Method } from '../launcher.ts';
import { Pmi1Client } from '../pmi1/client.ts';
import { inherit, openSession } from '../session.ts';
import { isSrunDescriptor } from './slurm.ts';

export const hydra: Method = {
  name: 'hydra',

  claims(env) {
    const { PMI_FD, PMI_RANK, PMI_SIZE } = env;
    if (PMI_FD === undefined || PMI_RANK === undefined || PMI_SIZE === undefined) return undefined;
    if (isSrunDescriptor(env)) return undefined;
    return `PMI_FD=${PMI_FD}, PMI_RANK=${PMI_RANK}, PMI_SIZE=${PMI_SIZE}`;
  },

  async open(opening) {
    const { rank, size, descriptor, channel } = inherit(opening.env);
    const client = new Pmi1Client(channel);
    const handOver = { env: {}, descriptor, parentMustStay: true };
    return openSession({ launcher: this.name, client, rank, size, handOver }, opening);
  },
};

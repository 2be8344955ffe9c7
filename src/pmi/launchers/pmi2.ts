/**
 * PMI-2 over an inherited descriptor, where Python's own MPI is set to speak it: to the same
 * servers as PMI-1.
 *
 * Hydra looks at every message for its version and takes another session afterwards, of either
 * version. Slurm's server does not, so under srun this method is for users that name it: Python's
 * MPI cannot speak to the server after us.
 */

import type { Method } from '../launcher.ts';
import { Pmi2Client } from '../pmi2/client.ts';
import { inherit, openSession } from '../session.ts';
import { isSrunDescriptor } from './slurm.ts';

/**
 * What makes an MPI library speak PMI-2: MPICH from 4.1 on. Intel's have settings of their own, but
 * the Hydra of Intel MPI 2021 ends over another client's PMI-2, and takes PMI-1 whatever its own
 * library speaks afterwards.
 */
const SETTINGS: readonly [variable: string, values: RegExp][] = [['MPIR_CVAR_PMI_VERSION', /^2$/]];

/**
 * What MPI is told instead of a connection that it must not speak on: Slurm's server would leave
 * some ranks waiting. Without the variable each would take itself for a job of its own.
 */
const NO_DESCRIPTOR = String(2 ** 31 - 1);

export const pmi2: Method = {
  name: 'pmi2',

  claims(env) {
    const { PMI_FD, PMI_RANK, PMI_SIZE } = env;
    if (PMI_FD === undefined || PMI_RANK === undefined || PMI_SIZE === undefined) return undefined;
    if (isSrunDescriptor(env)) return undefined;
    const set = SETTINGS.find(([variable, values]) => values.test(env[variable] ?? ''));
    return (
      set &&
      `PMI_FD=${PMI_FD}, PMI_RANK=${PMI_RANK}, PMI_SIZE=${PMI_SIZE}, ${set[0]}=${env[set[0]]}`
    );
  },

  async open(opening) {
    const { env } = opening;
    const { rank, size, descriptor, channel } = inherit(env);
    const isBilingual = !isSrunDescriptor(env);
    const client = new Pmi2Client(channel, {
      rank,
      size,
      jobId: env.PMI_JOBID ?? '0',
      isBilingual,
    });
    const handOver = isBilingual
      ? { env: {}, descriptor, parentMustStay: true }
      : { env: { PMI_FD: NO_DESCRIPTOR }, descriptor: undefined, parentMustStay: true };
    return openSession({ launcher: this.name, client, rank, size, handOver }, opening);
  },
};

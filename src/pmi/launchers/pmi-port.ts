/**
 * PMI-1 over TCP: `mpiexec.hydra -pmi-port`, which says only where to connect and as which rank.
 *
 * Python connects again by the same two variables; the launcher then answers on the newer
 * connection. Ours must be finalized like any other, so its owner stays until Python has ended.
 */
import { dialPort } from '../channel.ts';
import type { Method } from '../launcher.ts';
import { Pmi1Client } from '../pmi1/client.ts';
import { openSession } from '../session.ts';

export const pmiPort: Method = {
  name: 'pmi-port',

  claims({ PMI_PORT, PMI_ID, MPIRUN_RANK }, log) {
    if (PMI_PORT === undefined || PMI_ID === undefined) return undefined;
    if (MPIRUN_RANK !== undefined) {
      log('launcher pmi-port: mpirun_rsh takes one connection of a rank, and that is for Python');
      return undefined;
    }
    return `PMI_PORT=${PMI_PORT}, PMI_ID=${PMI_ID}`;
  },

  async open(opening) {
    const { env, deadline } = opening;
    const client = new Pmi1Client(await dialPort('PMI_PORT', env.PMI_PORT ?? '', deadline));
    try {
      const { rank, size } = await client.initack(env.PMI_ID ?? '', deadline);
      const handOver = { env: {}, descriptor: undefined, parentMustStay: true };
      return await openSession({ launcher: this.name, client, rank, size, handOver }, opening);
    } catch (error) {
      client.close();
      throw error;
    }
  },
};

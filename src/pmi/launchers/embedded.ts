/**
 * Our own launcher, `python-mpi -n N`: PMI-1 over a descriptor to the built-in server.
 *
 * That server does not mind a rank that leaves without `finalize`, so no parent has to stay behind
 * and the rank can become Python. The descriptor has the one number that survives that: see the
 * constant.
 */

import type { Method } from '../launcher.ts';
import { Pmi1Client } from '../pmi1/client.ts';
import { inherit, openSession } from '../session.ts';

/** The variable that tells our ranks from those of other launchers. */
export const EMBEDDED = 'PYTHON_MPI_EMBEDDED';

/**
 * The descriptor of a rank's connection. At its start Node marks descriptors close-on-exec up to
 * the first closed one past 15; with 3 to 19 closed, this one is inherited by the program that the
 * rank becomes.
 */
export const EMBEDDED_DESCRIPTOR = 20;

/**
 * What the built-in launcher adds to the environment of a rank.
 * @param launcher tells this launcher from all others of the node
 */
export function embeddedEnvironment(
  rank: number,
  size: number,
  launcher: string,
): Record<string, string> {
  return {
    [EMBEDDED]: launcher,
    PMI_FD: String(EMBEDDED_DESCRIPTOR),
    PMI_RANK: String(rank),
    PMI_SIZE: String(size),
  };
}

export const embedded: Method = {
  name: 'embedded',

  claims(env) {
    return env[EMBEDDED] === undefined ? undefined : `${EMBEDDED} is set`;
  },

  async open(opening) {
    const { rank, size, descriptor, channel } = inherit(opening.env);
    // A python-mpi that Python itself starts is not one of our ranks.
    const handOver = { env: { [EMBEDDED]: undefined }, descriptor, parentMustStay: false };
    const client = new Pmi1Client(channel);
    return openSession({ launcher: this.name, client, rank, size, handOver }, opening);
  },
};

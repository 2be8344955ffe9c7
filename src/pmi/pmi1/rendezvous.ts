/**
 * A PMI-1 session as a rendezvous: the same for every launcher that speaks it, however it was reached.
 */

import { Deadline } from '../../deadline.ts';
import { PythonMpiError } from '../../errors.ts';
import { shellStatus } from '../../outcome.ts';
import { openDescriptor, socketOf } from '../channel.ts';
import { readCount } from '../environment.ts';
import { nodesOfMapping } from '../mapping.ts';
import {
  FAREWELL_MS,
  type HandOver,
  type Kvs,
  type Opening,
  type Rendezvous,
} from '../rendezvous.ts';
import { Pmi1Client } from './client.ts';

/** What the method that reached the launcher knows. */
export interface Reached {
  readonly launcher: string;
  readonly client: Pmi1Client;
  readonly rank: number;
  readonly size: number;
  readonly handOver: HandOver;
}

/**
 * Opens the session of a rank that inherited PMI_FD, PMI_RANK and PMI_SIZE.
 * @param handOver see HandOver; the descriptor goes on under its own number
 * @throws PythonMpiError LAUNCHER, TIMEOUT
 */
export async function openInherited(
  launcher: string,
  opening: Opening,
  handOver: Omit<HandOver, 'descriptor'>,
): Promise<Rendezvous> {
  const { env } = opening;
  const rank = readCount(env, 'PMI_RANK', 0);
  const size = readCount(env, 'PMI_SIZE', rank + 1);
  const descriptor = socketOf('PMI_FD', env.PMI_FD);
  const client = new Pmi1Client(openDescriptor(descriptor));
  return await openSession(
    { launcher, client, rank, size, handOver: { ...handOver, descriptor } },
    opening,
  );
}

/**
 * Starts the session and asks for the placement.
 * @throws PythonMpiError LAUNCHER, TIMEOUT
 */
export async function openSession(reached: Reached, opening: Opening): Promise<Rendezvous> {
  const { launcher, client, rank, size, handOver } = reached;
  const { why, deadline, log } = opening;
  await client.init(deadline);
  const mapping = (await client.get('PMI_process_mapping', deadline)) ?? '';
  const nodes = nodesOfMapping(mapping, size);
  log(`launcher ${launcher}: rank ${rank} of ${size}, process mapping ${mapping || 'unknown'}`);

  const abort = async (status: number): Promise<void> => {
    // A launcher that cannot be told has gone, and the job with it.
    await client.abort(status).catch(() => {});
  };
  return {
    launcher,
    why,
    placement: { rank, size, nodes },
    kvs: kvsOf(client, deadline),
    handOver,
    get stuck() {
      return client.stuck;
    },
    async settle() {},
    async finish(outcome) {
      const status = shellStatus(outcome);
      if (status !== 0) await abort(status);
      // Python may have had a session of its own and have ended the connection with it.
      else await client.finalize(Deadline.after(FAREWELL_MS)).catch(() => {});
      client.close();
    },
    abort,
  };
}

/** The store of an open session; every wait ends at the deadline. */
export function kvsOf(client: Pmi1Client, deadline: Deadline): Kvs {
  return {
    put: (key, value) => client.put(key, value, deadline),
    fence: () => client.barrier(deadline),
    async get(key) {
      const value = await client.get(key, deadline);
      if (value === undefined)
        throw new PythonMpiError('LAUNCHER', `the launcher has no value for '${key}'`, {
          hint: 'check that every rank of the job runs the same python-mpi',
        });
      return value;
    },
  };
}

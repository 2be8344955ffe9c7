/**
 * A PMI session as a rendezvous: the same for every launcher that speaks PMI-1 or PMI-2, however it
 * was reached.
 */
import { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import { shellStatus } from '../outcome.ts';
import { type Channel, openDescriptor, socketOf } from './channel.ts';
import type { PmiClient } from './client.ts';
import { readCount } from './environment.ts';
import {
  FAREWELL_MS,
  type HandOver,
  type Kvs,
  type LauncherSession,
  type Opening,
} from './launcher.ts';
import { nodesOfMapping } from './mapping.ts';

/** How long an abort may wait for the launcher to read what this rank printed, in milliseconds. */
const DRAIN_MS = 1000;

/** What the method that reached the launcher knows. */
export interface Reached {
  readonly launcher: string;
  readonly client: PmiClient;
  readonly rank: number;
  readonly size: number;
  readonly handOver: HandOver;
}

/** A rank's place and connection, as its environment has them. */
export interface Inherited {
  readonly rank: number;
  readonly size: number;
  readonly descriptor: number;
  readonly channel: Channel;
}

/**
 * The place and connection of a rank that inherited PMI_FD, PMI_RANK and PMI_SIZE.
 * @throws PythonMpiError LAUNCHER
 */
export function inherit(env: NodeJS.ProcessEnv): Inherited {
  const rank = readCount(env, 'PMI_RANK', 0);
  const size = readCount(env, 'PMI_SIZE', rank + 1);
  const descriptor = socketOf('PMI_FD', env.PMI_FD);
  return { rank, size, descriptor, channel: openDescriptor(descriptor) };
}

/**
 * Starts the session and asks for the placement.
 * @throws PythonMpiError LAUNCHER, TIMEOUT
 */
export async function openSession(reached: Reached, opening: Opening): Promise<LauncherSession> {
  const { launcher, client, rank, size, handOver } = reached;
  const { why, deadline, log } = opening;
  await client.init(deadline);
  const mapping = (await client.mapping(deadline)) ?? '';
  const nodes = nodesOfMapping(mapping, size);
  log(`launcher ${launcher}: rank ${rank} of ${size}, process mapping ${mapping || 'unknown'}`);

  const abort = async (status: number): Promise<void> => {
    // Hydra ends the job at once, and what it has not read by then is lost: an error message, or
    // Python's traceback.
    const deadline = Deadline.after(DRAIN_MS);
    const drained = drain(client, deadline);
    await deadline.wait(drained, 'the launcher to read what was printed').catch(() => {});
    // A launcher that cannot be told has gone, and the job with it.
    await client.abort(status).catch(() => {});
  };
  return {
    launcher,
    why,
    placement: { rank, size, nodes },
    kvs: kvsOf(client, deadline),
    handOver,
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

/**
 * Returns when the launcher has read all that this rank printed before. Its process on this node
 * answers requests and reads output in one loop, in no given order within a turn: the second of two
 * answers comes in a later turn than the first, and in between lies one that has found all of the
 * output there.
 */
async function drain(client: PmiClient, deadline: Deadline): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await client.ping(deadline);
}

/** The store of an open session; every wait ends at the deadline. */
export function kvsOf(client: PmiClient, deadline: Deadline): Kvs {
  return {
    put: (key, value) => client.put(key, value, deadline),
    fence: () => client.fence(deadline),
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

/**
 * Whether a peer could be reached, were it there: its name stands for an address, and a port of it
 * answers, if only to refuse. Says nothing to the peer.
 */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { Deadline } from '../deadline.ts';
import type { Endpoint } from './card.ts';

/** How long a name or a port may take to answer, in milliseconds. */
const PATIENCE_MS = 3000;

/** Why a peer is out of reach: nothing knows its name, or its port says nothing. */
export type Obstacle =
  | { why: 'unknown name'; host: string }
  | { why: 'silent port'; host: string; address: string; port: number };

/** What stands between this node and a peer; undefined when one endpoint answers. */
export async function findObstacle(endpoints: readonly Endpoint[]): Promise<Obstacle | undefined> {
  const [first] = endpoints;
  if (first === undefined) return undefined;
  // All ports of a peer are behind the same filter.
  const hosts = new Map(endpoints.map(endpoint => [endpoint.host, endpoint]));
  const found = await Promise.all([...hosts.values()].map(obstacleAt));
  return found.includes(undefined) ? undefined : found[0];
}

async function obstacleAt({ host, port }: Endpoint): Promise<Obstacle | undefined> {
  let address: string;
  try {
    const asked = lookup(host);
    asked.catch(() => {});
    ({ address } = await Deadline.after(PATIENCE_MS).wait(asked, `the address of ${host}`));
  } catch {
    return { why: 'unknown name', host };
  }
  return (await answers(address, port)) ? undefined : { why: 'silent port', host, address, port };
}

/** Whether anything comes back from a port: a connection or its refusal. */
async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  const answer = new Promise<boolean>(resolve => {
    socket.once('connect', () => resolve(true));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
  try {
    return await Deadline.after(PATIENCE_MS).wait(answer, `an answer from ${host}`);
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

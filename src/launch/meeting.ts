/**
 * How the ranks of a job learn the session's secret and each other's addresses through the launcher's KVS.
 */
import { randomBytes } from 'node:crypto';
import { type Card, decodeCard, encodeCard } from '../net/card.ts';
import type { Kvs } from '../pmi/rendezvous.ts';

const SECRET_KEY = 'python-mpi.secret';
const SECRET_BYTES = 32;

function cardKey(position: number): string {
  return `python-mpi.card.${position}`;
}

/** A secret nobody outside the job can know. */
export function newSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/**
 * A node leader's part: publishes its card, the root also the secret, and learns the secret. Every rank of the
 * job has to meet, since the launcher's fence counts them all.
 */
export async function meetAsLeader(kvs: Kvs, position: number, card: Card): Promise<Buffer> {
  await kvs.put(cardKey(position), encodeCard(card));
  if (position !== 0) {
    await kvs.fence();
    return readSecret(kvs);
  }
  const secret = newSecret();
  await kvs.put(SECRET_KEY, secret.toString('hex'));
  await kvs.fence();
  return secret;
}

/** The part of any other rank: learns the secret and its leader's card. */
export async function meetAsFollower(
  kvs: Kvs,
  position: number,
): Promise<{ secret: Buffer; leader: Card }> {
  await kvs.fence();
  return { secret: await readSecret(kvs), leader: await cardOf(kvs, position) };
}

/** Where the leader of a position can be reached. Only after the meeting. */
export async function cardOf(kvs: Kvs, position: number): Promise<Card> {
  return decodeCard(await kvs.get(cardKey(position)));
}

async function readSecret(kvs: Kvs): Promise<Buffer> {
  return Buffer.from(await kvs.get(SECRET_KEY), 'hex');
}

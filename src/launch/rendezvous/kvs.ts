/**
 * Rendezvous through the launcher's key-value store: the root publishes a fresh secret, every
 * leader its card.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { asPythonMpiError, type PythonMpiError } from '../../errors.ts';
import { publishableAddresses } from '../../net/addresses.ts';
import { type Card, decodeCard, type Endpoint, encodeCard } from '../../net/card.ts';
import { drawSecret, readSecret } from '../../net/handshake.ts';
import type { Listener } from '../../net/listener.ts';
import { portsToTry, type Reach } from '../../net/reach.ts';
import type { Kvs } from '../../pmi/launcher.ts';
import type { NodeMap } from './node-map.ts';
import type { Rendezvous } from './rendezvous.ts';

/** A name that no other process on the node has or guesses. */
function freshLocalName(): string {
  return `python-mpi-${randomBytes(16).toString('hex')}`;
}

/** The store's fence counts all ranks, so all of them meet. */
export class KvsRendezvous implements Rendezvous {
  /** After the fence all of them do. */
  readonly latenessMs = 0;
  readonly allStarted = true;
  static readonly #SECRET = 'python-mpi.secret';
  readonly #kvs: Kvs;
  readonly #nodeMap: NodeMap;
  readonly #reach: Reach;

  constructor(kvs: Kvs, nodeMap: NodeMap, reach: Reach) {
    this.#kvs = kvs;
    this.#nodeMap = nodeMap;
    this.#reach = reach;
  }

  async lead(listener: Listener): Promise<Buffer> {
    const { position, leaders, locals } = this.#nodeMap;
    const local = freshLocalName();
    if (locals > 1) await listener.local(local);
    const isTree = leaders.length > 1;
    const { interface: only } = this.#reach;
    const isReached = isTree || only !== undefined;
    const addresses = isReached ? await publishableAddresses(only).catch(asPythonMpiError) : [];
    const endpoints: Endpoint[] = [];
    if (Array.isArray(addresses) && isTree) {
      const port = await listener.tcp(
        portsToTry(this.#reach),
        only === undefined ? undefined : addresses,
      );
      for (const host of addresses) endpoints.push({ host, port });
    }
    const card = encodeCard({ host: hostname(), endpoints, local });
    await this.#kvs.put(KvsRendezvous.#key(position), card);
    const secret = drawSecret();
    if (position === 0) await this.#kvs.put(KvsRendezvous.#SECRET, secret.toString('hex'));
    await this.#kvs.fence();
    if (!Array.isArray(addresses)) throw await this.#witnessed(addresses);
    return position === 0 ? secret : this.#readSecret();
  }

  /** The error of a node without addresses, which the root may lack, too. */
  async #witnessed(error: PythonMpiError): Promise<PythonMpiError> {
    const hasRoot = this.#nodeMap.position > 0 && (await this.cardOf(0)).endpoints.length > 0;
    error.seenBy = hasRoot ? 'this rank' : 'the first rank';
    return error;
  }

  async follow(): Promise<{ secret: Buffer; leader: Card }> {
    await this.#kvs.fence();
    return { secret: await this.#readSecret(), leader: await this.cardOf(this.#nodeMap.position) };
  }

  async cardOf(position: number): Promise<Card> {
    const rank = this.#nodeMap.leaders[position]!;
    return decodeCard(await this.#kvs.get(KvsRendezvous.#key(position), rank));
  }

  close(): void {}

  async #readSecret(): Promise<Buffer> {
    const root = this.#nodeMap.leaders[0]!;
    return readSecret(await this.#kvs.get(KvsRendezvous.#SECRET, root));
  }

  static #key(position: number): string {
    return `python-mpi.card.${position}`;
  }
}

/**
 * Rendezvous without a key-value store: everything but the secret is derived from what all ranks
 * know anyway, the job's identity and the nodes' names.
 */
import { createHmac } from 'node:crypto';
import type { Deadline } from '../../deadline.ts';
import { asPythonMpiError } from '../../errors.ts';
import { publishableAddresses } from '../../net/addresses.ts';
import type { Card, Endpoint } from '../../net/card.ts';
import type { Listener } from '../../net/listener.ts';
import type { PortRange, Reach } from '../../net/reach.ts';
import type { NodeMap } from './node-map.ts';
import type { Rendezvous } from './rendezvous.ts';

/** How this rank comes by the secret of the session, which is the same on all ranks. */
export interface SecretSource {
  find(): Promise<Buffer>;
  /** As Rendezvous.settled. */
  settled?(): void;
  /** No rank asks this one for the secret any more. */
  close(): void;
}

/** From a secret that the launcher or the user put into the environment. */
export function sharedSecret(shared: string, jobId: string): SecretSource {
  // Steps of one job share the environment, but not this.
  const secret = createHmac('sha256', shared).update(`python-mpi session ${jobId}`).digest();
  return { find: async () => secret, close: () => {} };
}

/** Ports below those that kernels hand out, and above those that services own. */
const USUAL: PortRange = { first: 20_000, last: 31_999 };
/** Ports a leader tries in turn; a peer that dials it tries the same. */
const CANDIDATES = 8;

/** Where a rank listens: ports at a host, and the name of a local socket. */
export interface Place {
  endpoints: readonly Endpoint[];
  local: string;
}

/** The place at which all ranks that know `key` find the leader of a position, for one purpose. */
export function derivePlace(
  key: string | Buffer,
  purpose: string,
  host: string,
  position: number,
  ports: PortRange = USUAL,
): Place {
  const bytes = createHmac('sha256', key).update(`${purpose} ${position}`).digest();
  const endpoints = Array.from({ length: CANDIDATES }, (_, i) => ({
    host,
    port: ports.first + (bytes.readUInt16LE(2 * i) % (ports.last - ports.first + 1)),
  }));
  return { endpoints, local: `python-mpi-${bytes.toString('hex', 16)}` };
}

/**
 * How long a leader that does not answer is taken to have been started late, before others are
 * tried, in milliseconds.
 */
const LATENESS_MS = 20_000;

/** The same where there is only so much time that trying others must not come too late. */
export function latenessBy(deadline: Deadline): number {
  return Math.min(LATENESS_MS, deadline.remaining / 4);
}

/**
 * The addresses of the interface that this node is to be reached at; undefined for all there are.
 * @throws PythonMpiError USAGE when there is no such interface, which may be so on all nodes
 */
export async function listeningAddresses(
  { interface: only }: Reach,
  position: number,
): Promise<string[] | undefined> {
  if (only === undefined) return undefined;
  try {
    return await publishableAddresses(only);
  } catch (thrown) {
    const error = asPythonMpiError(thrown);
    if (position > 0) error.seenBy = 'this node';
    throw error;
  }
}

export class DerivedRendezvous implements Rendezvous {
  /** No fence has been passed, and launchers take their time to start the last node. */
  readonly latenessMs: number;
  readonly allStarted = false;
  readonly #source: SecretSource;
  readonly #hosts: readonly string[];
  readonly #nodeMap: NodeMap;
  readonly #reach: Reach;
  #secret: Buffer = Buffer.alloc(0);

  /**
   * @param hosts host of each position
   * @param latenessMs as {@link latenessBy}
   * @param reach where to listen; peers dial the hosts' names, which had better lead there
   */
  constructor(
    source: SecretSource,
    hosts: readonly string[],
    nodeMap: NodeMap,
    latenessMs: number,
    reach: Reach,
  ) {
    this.latenessMs = latenessMs;
    this.#source = source;
    this.#hosts = hosts;
    this.#nodeMap = nodeMap;
    this.#reach = reach;
  }

  async lead(listener: Listener): Promise<Buffer> {
    const { position, leaders, locals } = this.#nodeMap;
    const addresses = await listeningAddresses(this.#reach, position);
    this.#secret = await this.#source.find();
    const card = this.#card(position);
    if (locals > 1) await listener.local(card.local);
    const ports = card.endpoints.map(endpoint => endpoint.port);
    if (leaders.length > 1) await listener.tcp(ports, addresses);
    return this.#secret;
  }

  async follow(): Promise<{ secret: Buffer; leader: Card }> {
    this.#secret = await this.#source.find();
    return { secret: this.#secret, leader: this.#card(this.#nodeMap.position) };
  }

  async cardOf(position: number): Promise<Card> {
    return this.#card(position);
  }

  settled(): void {
    this.#source.settled?.();
  }

  close(): void {
    this.#source.close();
  }

  #card(position: number): Card {
    const host = this.#hosts[position]!;
    const { ports } = this.#reach;
    return { host, ...derivePlace(this.#secret, 'listener', host, position, ports) };
  }
}

/**
 * How the ranks of a job come to share a secret and find each other's listeners.
 *
 * Where the launcher has a key-value store, the root publishes a fresh secret and every leader its card. Where
 * it has none, everything is derived from what all ranks know anyway: a secret that the launcher or the user
 * put into the environment, the job's identity and the nodes' names.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { PythonMpiError } from '../errors.ts';
import { publishableAddresses } from '../net/addresses.ts';
import { type Card, decodeCard, encodeCard } from '../net/card.ts';
import type { Listener } from '../net/link.ts';
import type { Kvs, Rendezvous } from '../pmi/rendezvous.ts';
import type { Roster } from './roster.ts';

export interface Meeting {
  /** A node leader's part: opens the listener and makes it known. @returns the session's secret */
  lead(listener: Listener): Promise<Buffer>;
  /** The part of any other rank. @returns the session's secret and where its leader is */
  follow(): Promise<{ secret: Buffer; leader: Card }>;
  /** Where the leader of a position can be reached. Only after {@link lead} or {@link follow}. */
  cardOf(position: number): Promise<Card>;
}

/**
 * The way to meet under this launcher.
 * @param env where a secret may be
 * @param only network interface to be reached at, if the user chose one
 * @throws PythonMpiError NO_SECRET when there is no way to share one
 */
export function meetingOf(
  rendezvous: Rendezvous,
  roster: Roster,
  env: NodeJS.ProcessEnv,
  only: string | undefined,
): Meeting {
  const { kvs, hosts, jobId } = rendezvous;
  if (kvs !== undefined) return new PublishedMeeting(kvs, roster, only);
  if (rendezvous.placement.size === 1) return new LonelyMeeting();
  const shared = env.PMI_SHARED_SECRET ?? env.PYTHON_MPI_SECRET;
  if (!shared || hosts === undefined || jobId === undefined) {
    throw new PythonMpiError(
      'NO_SECRET',
      `${rendezvous.launcher} gives the ranks no way to share a secret`,
      {
        hint: 'put this line into the job script: export PYTHON_MPI_SECRET=$(openssl rand -hex 32)',
      },
    );
  }
  return new DerivedMeeting(Buffer.from(shared), jobId, hosts, roster);
}

/** A name that nobody else on the node has or guesses. */
function freshLocalName(): string {
  return `python-mpi-${randomBytes(16).toString('hex')}`;
}

/** Through the launcher's key-value store. Its fence counts all ranks, so all of them meet. */
class PublishedMeeting implements Meeting {
  static readonly #SECRET = 'python-mpi.secret';
  readonly #kvs: Kvs;
  readonly #roster: Roster;
  readonly #only: string | undefined;

  constructor(kvs: Kvs, roster: Roster, only: string | undefined) {
    this.#kvs = kvs;
    this.#roster = roster;
    this.#only = only;
  }

  async lead(listener: Listener): Promise<Buffer> {
    const { position, leaders, locals } = this.#roster;
    const local = freshLocalName();
    if (locals > 1) await listener.local(local);
    let endpoints: Card['endpoints'] = [];
    if (leaders.length > 1) {
      const addresses = publishableAddresses(this.#only);
      const port = await listener.tcp();
      endpoints = addresses.map(host => ({ host, port }));
    }
    const card = encodeCard({ host: hostname(), endpoints, local });
    await this.#kvs.put(PublishedMeeting.#key(position), card);
    if (position !== 0) {
      await this.#kvs.fence();
      return this.#readSecret();
    }
    const secret = randomBytes(32);
    await this.#kvs.put(PublishedMeeting.#SECRET, secret.toString('hex'));
    await this.#kvs.fence();
    return secret;
  }

  async follow(): Promise<{ secret: Buffer; leader: Card }> {
    await this.#kvs.fence();
    return { secret: await this.#readSecret(), leader: await this.cardOf(this.#roster.position) };
  }

  async cardOf(position: number): Promise<Card> {
    const rank = this.#roster.leaders[position]!;
    return decodeCard(await this.#kvs.get(PublishedMeeting.#key(position), rank));
  }

  async #readSecret(): Promise<Buffer> {
    const root = this.#roster.leaders[0]!;
    return Buffer.from(await this.#kvs.get(PublishedMeeting.#SECRET, root), 'hex');
  }

  static #key(position: number): string {
    return `python-mpi.card.${position}`;
  }
}

/** A job of one rank meets nobody. */
class LonelyMeeting implements Meeting {
  async lead(): Promise<Buffer> {
    return randomBytes(32);
  }

  follow(): never {
    throw new PythonMpiError('INTERNAL', 'a job of one rank has no followers');
  }

  cardOf(): never {
    throw new PythonMpiError('INTERNAL', 'a job of one rank has no other nodes');
  }
}

/** Ports below those that kernels hand out, and above those that services own. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;
/** Ports a leader tries in turn; whoever dials it tries the same. */
const CANDIDATES = 8;

/** From a secret in the environment. Nothing is exchanged, so nobody waits for anybody. */
class DerivedMeeting implements Meeting {
  readonly #secret: Buffer;
  readonly #hosts: readonly string[];
  readonly #roster: Roster;

  constructor(shared: Buffer, jobId: string, hosts: readonly string[], roster: Roster) {
    // Steps of one job share the environment, but not this.
    this.#secret = createHmac('sha256', shared).update(`python-mpi session ${jobId}`).digest();
    this.#hosts = hosts;
    this.#roster = roster;
  }

  async lead(listener: Listener): Promise<Buffer> {
    const { position, leaders, locals } = this.#roster;
    const card = this.#card(position);
    if (locals > 1) await listener.local(card.local);
    if (leaders.length > 1) await listener.tcp(card.endpoints.map(endpoint => endpoint.port));
    return this.#secret;
  }

  async follow(): Promise<{ secret: Buffer; leader: Card }> {
    return { secret: this.#secret, leader: this.#card(this.#roster.position) };
  }

  async cardOf(position: number): Promise<Card> {
    return this.#card(position);
  }

  #card(position: number): Card {
    const host = this.#hosts[position]!;
    const bytes = createHmac('sha256', this.#secret).update(`listener ${position}`).digest();
    const endpoints = Array.from({ length: CANDIDATES }, (_, i) => ({
      host,
      port: FIRST_PORT + (bytes.readUInt16LE(2 * i) % PORTS),
    }));
    return { host, endpoints, local: `python-mpi-${bytes.toString('hex', 16)}` };
  }
}

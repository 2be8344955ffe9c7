/**
 * A rank's side of PMIx, without libpmix: connect, learn the job, publish, fence, get, finalize.
 *
 * The server forgives nothing. A rejected handshake wedges it, a connection that ends without
 * FINALIZE kills the job, a get before REQ crashes it. So the order here is the order that was
 * proved, and nothing is ever tried.
 */
import { type Deadline, pause } from '../../deadline.ts';
import { PythonMpiError } from '../../errors.ts';
import type { Channel } from '../channel.ts';
import { MAX_RANKS } from '../environment.ts';
import { misbehaved, RequestQueue } from '../request-queue.ts';
import {
  abortBody,
  commitBody,
  FrameReader,
  fenceBody,
  finalizeBody,
  frame,
  getBody,
  handshake,
  type Identity,
  PMIX_STATUS,
  parseFound,
  parseStatus,
  reqBody,
  WILDCARD,
} from './codec.ts';
import type { Pair, Value } from './pack.ts';

/** The lowest tag a client may use; those below are the server's own. */
const FIRST_TAG = 101;
/**
 * A committed value may take a moment to get around: how often to ask, and the milliseconds in
 * between.
 */
const TRIES = 5;
const PAUSE_MS = 100;

/** Where the ranks of the job are: hosts[r] is the host of rank r. */
export interface JobData {
  readonly size: number;
  readonly hosts: readonly string[];
}

/**
 * PMIx spoken over a channel. Requests made while another is outstanding wait for their turn.
 *
 * All throw PythonMpiError: LAUNCHER when the launcher closes, refuses or sends what is no answer,
 * TIMEOUT when the deadline comes first.
 */
export class PmixClient {
  readonly #channel: Channel;
  readonly #identity: Identity;
  readonly #reader = new FrameReader();
  readonly #turns = new RequestQueue();
  /**
   * The waiter for the answer of each tag. The channel is read exactly as long as this is not
   * empty.
   */
  readonly #waiting = new Map<
    number,
    { resolve: (body: Uint8Array) => void; reject: (error: unknown) => void }
  >();
  #index = 0;
  #tag = FIRST_TAG;

  constructor(channel: Channel, identity: Identity) {
    this.#channel = channel;
    this.#identity = identity;
  }

  /** Opens the session, and asks for the job's data as the server needs every client to. */
  async init(deadline: Deadline): Promise<void> {
    await this.#turns.take(async () => {
      await this.#channel.write(handshake(this.#identity));
      let answer = this.#reader.accepted();
      while (answer === undefined) {
        await deadline.wait(this.#receive(), 'the launcher to answer the PMIx handshake');
        answer = this.#reader.accepted();
      }
      if (answer.status !== 0)
        throw misbehaved(`refused the PMIx handshake (status ${answer.status})`);
      this.#index = answer.index;
    });
    await this.#request('REQ', reqBody(), deadline);
  }

  /** The size of the job and the host of every rank. */
  async jobData(deadline: Deadline): Promise<JobData> {
    const { namespace } = this.#identity.proc;
    const body = await this.#request('GET', getBody({ namespace, rank: WILDCARD }), deadline);
    const { status, found } = parseFound(body);
    if (status !== PMIX_STATUS.SUCCESS)
      throw misbehaved(`has no data of the job (PMIx status ${status})`);
    return readJobData(found);
  }

  /** Publishes values of this rank. */
  async commit(values: ReadonlyMap<string, string>, deadline: Deadline): Promise<void> {
    succeed('COMMIT', await this.#request('COMMIT', commitBody(values), deadline));
  }

  /**
   * Waits for every rank of the job. Values committed before can be got after.
   * @throws PythonMpiError PEER_LOST also, when a rank ended instead of coming
   */
  async fence(deadline: Deadline): Promise<void> {
    const { namespace } = this.#identity.proc;
    const body = await this.#request('FENCE', fenceBody(namespace), deadline);
    if (parseStatus(body, 'the answer to FENCE') === PMIX_STATUS.PARTIAL_SUCCESS)
      throw new PythonMpiError('PEER_LOST', 'a rank of the job ended before all had met', {
        hint: 'look for the first error that the job has printed',
      });
    succeed('FENCE', body);
  }

  /** A value that a rank committed before a fence, or undefined when it did not. */
  async get(owner: number, key: string, deadline: Deadline): Promise<string | undefined> {
    const { namespace } = this.#identity.proc;
    for (let tries = 1; ; tries++) {
      const body = await this.#request('GET', getBody({ namespace, rank: owner }, key), deadline);
      const { status, found } = parseFound(body);
      const value = found.find(pair => pair.key === key)?.value;
      if (typeof value === 'string') return value;
      const late = [PMIX_STATUS.SUCCESS, PMIX_STATUS.TIMEOUT, PMIX_STATUS.NOT_FOUND] as number[];
      if (!late.includes(status)) throw misbehaved(`refused a PMIx GET (status ${status})`);
      if (tries === TRIES) return undefined;
      await pause(PAUSE_MS);
    }
  }

  /**
   * Asks the launcher to end the job. It does not wait for its turn, since a fence may hang, but
   * for the answer: a server may crash over a client that leaves before.
   */
  async abort(status: number, deadline: Deadline): Promise<void> {
    await this.#answer('ABORT', abortBody(status, 'python-mpi'), deadline);
  }

  /**
   * Ends the session. The connection must stay open until the process ends: servers confuse a close
   * with a crash.
   */
  async finalize(deadline: Deadline): Promise<void> {
    succeed('FINALIZE', await this.#request('FINALIZE', finalizeBody(), deadline));
    this.#channel.unref();
  }

  #request(what: string, body: Uint8Array, deadline: Deadline): Promise<Uint8Array> {
    return this.#turns.take(() => this.#answer(what, body, deadline));
  }

  async #answer(what: string, body: Uint8Array, deadline: Deadline): Promise<Uint8Array> {
    const tag = this.#tag++;
    await this.#channel.write(frame(this.#index, tag, body));
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      this.#waiting.set(tag, { resolve, reject });
      if (this.#waiting.size === 1) void this.#pump();
    });
    const awaited =
      what === 'FENCE'
        ? 'all ranks to reach the PMIx fence'
        : `the launcher to answer ${what} of PMIx`;
    return await deadline.wait(answer, awaited);
  }

  /**
   * Hands answers to those who wait for them, as long as there is one. What carries no such tag is
   * a notification.
   */
  async #pump(): Promise<void> {
    try {
      while (this.#waiting.size > 0) {
        await this.#receive();
        for (let got = this.#reader.next(); got; got = this.#reader.next()) {
          const waiter = this.#waiting.get(got.tag);
          if (waiter === undefined || got.body.length === 0) continue;
          this.#waiting.delete(got.tag);
          waiter.resolve(got.body);
        }
      }
    } catch (error) {
      for (const waiter of this.#waiting.values()) waiter.reject(error);
      this.#waiting.clear();
    }
  }

  async #receive(): Promise<void> {
    const bytes = await this.#channel.read();
    if (bytes === undefined) throw misbehaved('closed its PMIx connection');
    this.#reader.push(bytes);
  }
}

function succeed(what: string, body: Uint8Array): void {
  const status = parseStatus(body, `the answer to ${what}`);
  if (status !== PMIX_STATUS.SUCCESS)
    throw misbehaved(`refused ${what} of PMIx (status ${status})`);
}

/**
 * Finds the hosts in the data of each rank, because numbers of remote nodes are wrong in PMIx 4.2.
 */
function readJobData(data: readonly Pair[]): JobData {
  const size = data.find(({ key }) => key === 'pmix.job.size')?.value;
  if (typeof size !== 'number' || size < 1) throw misbehaved('does not say the size of the job');
  const hosts = new Map<number, string>();
  for (const { key, value } of data) {
    if (key !== 'pmix.pdata') continue;
    const [rank, host] = [fieldOf(value, 'pmix.rank'), fieldOf(value, 'pmix.hname')];
    if (typeof rank === 'number' && typeof host === 'string') hosts.set(rank, host);
  }
  // A size that was not checked would be an array of that size.
  const counted = size <= MAX_RANKS && hosts.size >= size ? size : 0;
  const byRank = Array.from({ length: counted }, (_, rank) => hosts.get(rank));
  if (counted === 0 || !byRank.every(host => host !== undefined)) {
    throw new PythonMpiError('LAUNCHER', 'the launcher does not say where every rank is', {
      hint: 'name another launcher with PYTHON_MPI_LAUNCHER',
    });
  }
  return { size, hosts: byRank };
}

function fieldOf(value: Value, key: string): Value | undefined {
  if (!Array.isArray(value)) return undefined;
  return (value as Pair[]).find(pair => pair.key === key)?.value;
}

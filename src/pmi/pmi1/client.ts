/**
 * A rank's side of PMI-1: one request, one reply, never two outstanding.
 *
 * Owns the order of the exchange and what counts as a proper reply. Replies without rc are taken as rc=0, because
 * Hydra leaves it out where nothing can go wrong.
 */
import type { Deadline } from '../../deadline.ts';
import { PythonMpiError } from '../../errors.ts';
import type { Channel } from '../channel.ts';
import { MAX_RANKS } from '../environment.ts';
import { misbehaved, Turns } from '../turns.ts';
import {
  encodeLine,
  type Fields,
  formatRequest,
  LineReader,
  type Message,
  parseLine,
  quote,
} from './codec.ts';

/**
 * PMI-1 spoken over a channel. Requests made while another is outstanding wait for their turn.
 *
 * All throw PythonMpiError: LAUNCHER when the launcher closes, refuses or sends what is no answer, TIMEOUT when the
 * deadline comes first.
 */
export class Pmi1Client {
  readonly #channel: Channel;
  readonly #reader = new LineReader();
  readonly #turns = new Turns();
  #lines: string[] = [];
  #kvsName = '';
  #maxKey = 0;
  #maxValue = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** See Rendezvous.stuck. */
  get stuck(): boolean {
    return this.#channel.stuck;
  }

  /** Says over TCP whose connection this is; the launcher answers with the rank's place. */
  initack(id: string, deadline: Deadline): Promise<{ rank: number; size: number }> {
    return this.#next(async () => {
      await this.#send('initack', { pmiid: id });
      await this.#reply('initack', 'initack', deadline);
      const said = new Map<string, string>();
      for (let i = 0; i < 3; i++) {
        const { fields } = await this.#reply('initack', 'set', deadline);
        for (const [key, value] of fields) said.set(key, value);
      }
      const rank = count('initack', 'rank', said, 0);
      return { rank, size: count('initack', 'size', said, rank + 1, MAX_RANKS) };
    });
  }

  /** Starts the session: version, limits, and the name of the job's key-value store. */
  async init(deadline: Deadline): Promise<void> {
    // The order of these two keys matters: Hydra takes them by position.
    const version = { pmi_version: 1, pmi_subversion: 1 };
    succeed('init', await this.#request('init', version, 'response_to_init', deadline));
    const maxes = succeed('get_maxes', await this.#request('get_maxes', {}, 'maxes', deadline));
    this.#maxKey = count('get_maxes', 'keylen_max', maxes.fields, 1);
    this.#maxValue = count('get_maxes', 'vallen_max', maxes.fields, 1);
    const named = await this.#request('get_my_kvsname', {}, 'my_kvsname', deadline);
    this.#kvsName = required('get_my_kvsname', 'kvsname', succeed('get_my_kvsname', named).fields);
  }

  /** @throws PythonMpiError INTERNAL also, for a key or value that cannot be sent */
  async put(key: string, value: string, deadline: Deadline): Promise<void> {
    // The server's limits count a terminating NUL.
    if (key.length >= this.#maxKey || value.length >= this.#maxValue)
      throw new PythonMpiError(
        'INTERNAL',
        `PMI key ${quote(key)} or its value exceeds the launcher's limits`,
      );
    const fields = { kvsname: this.#kvsName, key, value };
    succeed('put', await this.#request('put', fields, 'put_result', deadline));
  }

  /** The value of a key, or undefined when the server does not have it. */
  async get(key: string, deadline: Deadline): Promise<string | undefined> {
    const fields = { kvsname: this.#kvsName, key };
    const reply = await this.#request('get', fields, 'get_result', deadline);
    return rc(reply) === 0 ? required('get', 'value', reply.fields) : undefined;
  }

  /** Waits for every rank of the job. */
  async barrier(deadline: Deadline): Promise<void> {
    succeed('barrier_in', await this.#request('barrier_in', {}, 'barrier_out', deadline));
  }

  /** Ends the session and with it, on most servers, the connection. */
  async finalize(deadline: Deadline): Promise<void> {
    succeed('finalize', await this.#request('finalize', {}, 'finalize_ack', deadline));
  }

  /**
   * Asks the launcher to end the job. There is no reply, so it does not wait for its turn: it must get through
   * while a barrier hangs.
   * @throws the system's error when the launcher has gone
   */
  async abort(status: number): Promise<void> {
    await this.#send('abort', { exitcode: status });
  }

  /** Gives up the connection on this side. */
  close(): void {
    this.#channel.close();
  }

  #request(command: string, fields: Fields, answer: string, deadline: Deadline): Promise<Message> {
    return this.#next(async () => {
      await this.#send(command, fields);
      return await this.#reply(command, answer, deadline);
    });
  }

  /** Runs one exchange after those before it. */
  #next<T>(exchange: () => Promise<T>): Promise<T> {
    return this.#turns.take(() => {
      const [extra] = this.#lines;
      if (extra !== undefined) throw misbehaved(`sent ${quote(extra)} unasked`);
      return exchange();
    });
  }

  async #send(command: string, fields: Fields): Promise<void> {
    await this.#channel.write(encodeLine(formatRequest(command, fields)));
  }

  async #reply(command: string, answer: string, deadline: Deadline): Promise<Message> {
    while (this.#lines.length === 0) {
      const bytes = await deadline.wait(this.#channel.read(), awaited(command));
      if (bytes === undefined)
        throw misbehaved(`closed its PMI connection instead of answering '${command}'`);
      this.#lines = this.#reader.push(bytes);
    }
    const line = this.#lines.shift()!;
    const message = parseLine(line);
    if (message.command !== answer) throw misbehaved(`answered '${command}' with ${quote(line)}`);
    return message;
  }
}

function awaited(command: string): string {
  return command === 'barrier_in'
    ? 'all ranks to reach the PMI barrier'
    : `the launcher to answer '${command}'`;
}

function rc(reply: Message): number {
  return Number(reply.fields.get('rc') ?? 0);
}

function succeed(command: string, reply: Message): Message {
  if (rc(reply) === 0) return reply;
  const said = reply.fields.get('msg');
  throw misbehaved(
    `refused '${command}' (rc=${reply.fields.get('rc')}${said ? `, ${quote(said)}` : ''})`,
  );
}

function required(command: string, key: string, fields: ReadonlyMap<string, string>): string {
  const value = fields.get(key);
  if (value === undefined) throw misbehaved(`answered '${command}' without ${key}`);
  return value;
}

function count(
  command: string,
  key: string,
  fields: ReadonlyMap<string, string>,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const text = required(command, key, fields);
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw misbehaved(`answered '${command}' with ${key}=${quote(text)}`);
  return value;
}

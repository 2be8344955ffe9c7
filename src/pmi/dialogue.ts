/**
 * One request, one reply, never two outstanding: what both versions of PMI have in common on a
 * client's side.
 *
 * Owns the order of the exchange and what counts as a proper reply. Replies without rc are taken as
 * rc=0, because Hydra leaves it out where nothing can go wrong.
 */
import type { Deadline } from '../deadline.ts';
import type { Channel } from './channel.ts';
import { type Fields, type Message, quote, shown } from './message.ts';
import { misbehaved, RequestQueue } from './request-queue.ts';

/** How messages look on the wire. */
export interface Wire {
  /** @throws PythonMpiError INTERNAL for a request that cannot be sent */
  encode(command: string, fields: Fields): Uint8Array;
  /**
   * Takes bytes. @returns the texts they complete. @throws PythonMpiError LAUNCHER for what is no
   * message
   */
  push(bytes: Uint8Array): string[];
  /** @throws PythonMpiError LAUNCHER for what is no message */
  parse(text: string): Message;
}

/** Commands whose reply comes when all ranks have asked. */
const FENCES = ['barrier_in', 'kvs-fence'];

/**
 * All of it throws PythonMpiError: LAUNCHER when the launcher closes, refuses or sends what is no
 * answer, TIMEOUT when the deadline comes first.
 */
export class Dialogue {
  readonly #channel: Channel;
  readonly #queue = new RequestQueue();
  #wire: Wire;
  #texts: string[] = [];

  constructor(channel: Channel, wire: Wire) {
    this.#channel = channel;
    this.#wire = wire;
  }

  /** From now on both sides speak like this. Only between two exchanges. */
  speak(wire: Wire): void {
    this.#wire = wire;
  }

  /** A request and its reply, after those before it. @param answer the command of the reply */
  request(command: string, fields: Fields, answer: string, deadline: Deadline): Promise<Message> {
    return this.exchange(async () => {
      await this.send(command, fields);
      return await this.reply(command, answer, deadline);
    });
  }

  /**
   * Runs an exchange of another shape after those before it: {@link send} and {@link reply} are for
   * use inside.
   */
  exchange<T>(exchange: () => Promise<T>): Promise<T> {
    return this.#queue.take(() => {
      const [extra] = this.#texts;
      if (extra !== undefined) throw misbehaved(`sent ${shown(extra)} unasked`);
      return exchange();
    });
  }

  /**
   * Sends a request. Outside of an exchange only what has no reply, such as an abort, which must
   * get through.
   */
  async send(command: string, fields: Fields): Promise<void> {
    await this.#channel.write(this.#wire.encode(command, fields));
  }

  /** The next message, which must be this answer to this command. */
  async reply(command: string, answer: string, deadline: Deadline): Promise<Message> {
    const awaited = FENCES.includes(command)
      ? 'all ranks to reach the PMI barrier'
      : `the launcher to answer '${command}'`;
    while (this.#texts.length === 0) {
      const bytes = await deadline.wait(this.#channel.read(), awaited);
      if (bytes === undefined)
        throw misbehaved(`closed its PMI connection instead of answering '${command}'`);
      this.#texts = this.#wire.push(bytes);
    }
    const text = this.#texts.shift()!;
    const message = this.#wire.parse(text);
    if (message.command !== answer) throw misbehaved(`answered '${command}' with ${shown(text)}`);
    return message;
  }

  /** Gives up the connection on this side. */
  close(): void {
    this.#channel.close();
  }
}

/** What the server made of a request: 0 is success. */
export function rc(reply: Message): number {
  return Number(reply.fields.get('rc') ?? 0);
}

/** The reply, if it says success. @throws PythonMpiError LAUNCHER with what the server says else */
export function succeed(command: string, reply: Message): Message {
  if (rc(reply) === 0) return reply;
  const said = reply.fields.get('msg') ?? reply.fields.get('errmsg');
  throw misbehaved(
    `refused '${command}' (rc=${reply.fields.get('rc')}${said ? `, ${quote(said)}` : ''})`,
  );
}

/** A field that the reply to this command must have. */
export function required(
  command: string,
  key: string,
  fields: ReadonlyMap<string, string>,
): string {
  const value = fields.get(key);
  if (value === undefined) throw misbehaved(`answered '${command}' without ${key}`);
  return value;
}

/** The same, as a whole number of at least `least` and at most `most`. */
export function count(
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

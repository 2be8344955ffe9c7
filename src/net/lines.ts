/**
 * Messages on a link, one line of JSON each. What they say is the caller's business.
 */
import { PythonMpiError } from '../errors.ts';
import type { Link } from './link.ts';

/** A line longer than this is no message of ours, in bytes. */
const MAX_LINE = 65536;
/** Messages that may have arrived before they are asked for, unless more are expected. */
const MAX_AHEAD = 16;

export class Lines {
  readonly #link: Link;
  readonly #peer: string;
  readonly #ahead: number;
  /** Messages that have not been asked for yet. */
  #arrived: unknown[] = [];
  #asked: PromiseWithResolvers<unknown> | undefined;
  #broken: PythonMpiError | undefined;
  /** The beginning of a line, its bytes as characters: a chunk may end within one. */
  #text = '';

  /**
   * @param peer name of the other end, for errors
   * @param ahead messages that may wait here; a peer that sends more is cut off
   */
  constructor(link: Link, peer: string, ahead = MAX_AHEAD) {
    this.#link = link;
    this.#peer = peer;
    this.#ahead = ahead;
    link.read({
      received: bytes => this.#take(Buffer.from(bytes).toString('latin1')),
      ended: () => this.#break('went away'),
      lost: () => this.#break('went away'),
    });
  }

  send(message: unknown): void {
    this.#link.send(Buffer.from(`${JSON.stringify(message)}\n`));
  }

  /**
   * The next message. One caller at a time.
   * @throws PythonMpiError PEER_LOST when there will be none
   */
  async next(): Promise<unknown> {
    if (this.#arrived.length > 0) return this.#arrived.shift();
    if (this.#broken !== undefined) throw this.#broken;
    this.#asked = Promise.withResolvers();
    return this.#asked.promise;
  }

  #take(text: string): void {
    if (this.#broken !== undefined) return;
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop()!;
    try {
      for (const line of lines)
        this.#answer(JSON.parse(Buffer.from(line, 'latin1').toString('utf8')));
    } catch {
      this.#break('sent nonsense');
    }
    if (this.#text.length > MAX_LINE || this.#arrived.length > this.#ahead) {
      this.#arrived = [];
      this.#break('sent nonsense');
    }
  }

  #answer(message: unknown): void {
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked === undefined) this.#arrived.push(message);
    else asked.resolve(message);
  }

  #break(how: string): void {
    this.#broken ??= new PythonMpiError('PEER_LOST', `${this.#peer} ${how}`);
    this.#asked?.reject(this.#broken);
    this.#asked = undefined;
  }
}

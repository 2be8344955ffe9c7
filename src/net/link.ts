/**
 * One authenticated connection. It moves bytes, in records that verify, and knows neither frames
 * nor the tree, nor how it came to be.
 */
import type { Socket } from 'node:net';
import type { Greeting, Keys } from './handshake.ts';
import { ForgedRecord, MAX_BODY, type Place, RecordReader, RecordWriter } from './records.ts';

/** Bytes that a peer may send before they are read here: more than any of ours says unasked. */
const MAX_EARLY = 1 << 20;
/**
 * The longest message that is sealed even where nothing has to be, in bytes: plans, secrets and all
 * that peers say of themselves are shorter, and only pieces of packages are longer.
 */
const SHORT = 96 * 1024;

/** Takes what arrives on a link. Exactly one of `ended` and `lost` comes last. */
export interface LinkReader extends Partial<Place> {
  /** Bytes have arrived and verified; they are only valid during the call. */
  received(bytes: Uint8Array): void;
  /** The peer has said all it will say. */
  ended(): void;
  /**
   * The connection broke.
   * @param isForged what came was not what the peer has sent
   */
  lost(reason: string, isForged: boolean): void;
}

export class Link {
  readonly greeting: Greeting;
  readonly #socket: Socket;
  readonly #incoming: RecordReader;
  readonly #outgoing: RecordWriter;
  #reader: LinkReader | undefined;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #over: (() => void) | undefined;
  #finished = false;
  #sealsAll = false;

  constructor(socket: Socket, greeting: Greeting, keys: Keys) {
    this.#socket = socket;
    this.greeting = greeting;
    this.#incoming = new RecordReader(keys.read);
    this.#outgoing = new RecordWriter(keys.write);
    socket.setNoDelay(true);
    socket.on('end', () => this.#finish(reader => reader.ended()));
    socket.on('error', error => this.#lose(error.message));
    socket.on('close', () => this.#lose('the connection was closed'));
  }

  /** Address of the other end, for messages. */
  get peer(): string {
    return `${this.#socket.remoteAddress ?? 'local'}:${this.#socket.remotePort ?? ''}`;
  }

  /** From now on pieces of packages are sealed too. */
  sealAll(): void {
    this.#sealsAll = true;
  }

  /** Starts to hand over what arrives, beginning with what already has. */
  read(reader: LinkReader): void {
    this.#reader = reader;
    for (const bytes of this.#early.splice(0)) reader.received(bytes);
    this.#over?.();
  }

  /** For the owner of the socket's bytes: they arrived, somewhere. */
  take(bytes: Uint8Array): void {
    this.#verified(() => {
      for (let at = 0; at < bytes.length && !this.#finished; this.#deliver()) {
        at += this.#incoming.push(bytes.subarray(at));
      }
    });
  }

  /** Where the socket should put its next bytes, for {@link filled}; undefined: anywhere. */
  space(): Uint8Array | undefined {
    return this.#finished ? undefined : this.#incoming.space(this.#place);
  }

  /** For the owner of the socket's bytes: so many were put where {@link space} said. */
  filled(length: number): void {
    this.#verified(() => {
      this.#incoming.filled(length, this.#place);
      this.#deliver();
    });
  }

  /**
   * Sends `bytes`, which must stay as they are until `sent` is called. After a loss it never is.
   */
  send(bytes: Uint8Array, sent?: () => void): void {
    const socket = this.#socket;
    if (socket.destroyed || bytes.length === 0) return;
    socket.cork();
    for (let at = 0; at < bytes.length; at += MAX_BODY) {
      const piece = bytes.subarray(at, at + MAX_BODY);
      const [head, body] = this.#outgoing.record(piece, this.#sealsAll || bytes.length <= SHORT);
      const isLast = at + MAX_BODY >= bytes.length;
      socket.write(head);
      socket.write(body, error => {
        if (!error && isLast) sent?.();
      });
    }
    socket.uncork();
  }

  /** Sends what is queued, then closes. The reader hears nothing more. */
  close(): void {
    this.#finished = true;
    this.#socket.end(() => this.#socket.destroy());
  }

  /** Closes at once. */
  destroy(): void {
    this.#finished = true;
    this.#socket.destroy();
  }

  /** Lets the process end although this link is open. */
  unref(): void {
    this.#socket.unref();
  }

  get #place(): Place | undefined {
    const reader = this.#reader;
    return reader?.place && reader.put ? (reader as Place) : undefined;
  }

  /** Hands over all that is whole and verified. */
  #deliver(): void {
    while (!this.#finished) {
      const body = this.#incoming.next();
      if (body === undefined) break;
      if (this.#reader !== undefined) this.#reader.received(body);
      else this.#keep(body);
    }
    if (!this.#finished) this.#incoming.settle(this.#place);
  }

  #keep(body: Uint8Array): void {
    this.#early.push(Uint8Array.from(body));
    this.#earlyBytes += body.length;
    if (this.#earlyBytes > MAX_EARLY) this.#socket.destroy();
  }

  /** Reads records; the first that does not verify ends the link. */
  #verified(read: () => void): void {
    if (this.#finished) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof ForgedRecord)) throw error;
      this.#lose(error.message, true);
      this.#socket.destroy();
    }
  }

  #lose(reason: string, isForged = false): void {
    this.#finish(reader => reader.lost(reason, isForged));
  }

  #finish(tell: (reader: LinkReader) => void): void {
    if (this.#finished) return;
    const reader = this.#reader;
    if (reader === undefined) {
      this.#over ??= () => this.#finish(tell);
      return;
    }
    this.#finished = true;
    // A peer that has only stopped talking would keep the descriptor.
    this.#socket.destroy();
    tell(reader);
  }
}

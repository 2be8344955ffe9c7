/**
 * One authenticated connection. It moves bytes and knows neither frames nor the tree, nor how it
 * came to be.
 */
import type { Socket } from 'node:net';
import type { Greeting } from './handshake.ts';

/** Bytes that a peer may send before they are read here: more than any of ours says unasked. */
const MAX_EARLY = 1 << 20;

/** Takes what arrives on a link. Exactly one of `ended` and `lost` comes last. */
export interface LinkReader {
  /**
   * Where the next bytes should be put; called before each read. Absent or undefined: where the
   * link likes.
   */
  inbox?: () => Uint8Array | undefined;
  /** Bytes arrived; they are only valid during the call. */
  received(bytes: Uint8Array): void;
  /** The peer has said all it will say. */
  ended(): void;
  /** The connection broke. */
  lost(reason: string): void;
}

export class Link {
  readonly greeting: Greeting;
  readonly #socket: Socket;
  #reader: LinkReader | undefined;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #over: (() => void) | undefined;
  #finished = false;

  constructor(socket: Socket, greeting: Greeting) {
    this.#socket = socket;
    this.greeting = greeting;
    socket.setNoDelay(true);
    socket.on('end', () => this.#finish(reader => reader.ended()));
    socket.on('error', error => this.#finish(reader => reader.lost(error.message)));
    socket.on('close', () => this.#finish(reader => reader.lost('the connection was closed')));
  }

  /** Address of the other end, for messages. */
  get peer(): string {
    return `${this.#socket.remoteAddress ?? 'local'}:${this.#socket.remotePort ?? ''}`;
  }

  /** Starts to hand over what arrives, beginning with what already has. */
  read(reader: LinkReader): void {
    this.#reader = reader;
    for (const bytes of this.#early.splice(0)) reader.received(bytes);
    this.#over?.();
  }

  /** For the owner of the socket's bytes: they arrived. */
  deliver(bytes: Buffer): void {
    if (this.#finished) return;
    if (this.#reader !== undefined) {
      this.#reader.received(bytes);
      return;
    }
    this.#early.push(Buffer.from(bytes));
    this.#earlyBytes += bytes.length;
    if (this.#earlyBytes > MAX_EARLY) this.#socket.destroy();
  }

  /** Where the socket should put its next bytes, if the reader cares. */
  inbox(): Uint8Array | undefined {
    return this.#reader?.inbox?.();
  }

  /**
   * Sends `bytes`, which must stay as they are until `sent` is called. After a loss it never is.
   */
  send(bytes: Uint8Array, sent?: () => void): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(bytes, error => {
      if (!error) sent?.();
    });
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

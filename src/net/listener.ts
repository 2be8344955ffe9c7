/**
 * A place where peers connect, and prove that they know the secret before a byte of theirs counts.
 */
import { Acceptor, type PendingConnection } from './acceptor.ts';
import {
  type Greeting,
  HELLO_BYTES,
  type Keys,
  PROOF_BYTES,
  ServerHandshake,
} from './handshake.ts';
import { Link } from './link.ts';

/** How long an accepted connection may take to prove itself, in milliseconds. */
const PROOF_MS = 5000;

/**
 * Whether a listener is the one that a client means; `later` when it is, and is still in a session
 * that the client is no part of.
 */
export type Expects = (greeting: Greeting) => boolean | 'later';

export class Listener {
  readonly #acceptor = new Acceptor(pending => this.#greet(pending), PROOF_MS);
  readonly #accept: (link: Link) => void;
  readonly #expects: Expects;
  #secret: Buffer | undefined;
  /** Connections that have said hello before there was a secret, and what goes on with each. */
  readonly #waiting = new Map<PendingConnection, () => void>();

  /**
   * @param accept takes each link
   * @param expects whether this listener is the one that a client means; another one may have the
   *   same secret
   */
  constructor(accept: (link: Link) => void, expects: Expects = () => true) {
    this.#accept = accept;
    this.#expects = expects;
  }

  /**
   * From now on connections can prove themselves; those made before have waited. The secret may be
   * known only after the address was published.
   */
  admit(secret: Buffer): void {
    this.#secret = secret;
    for (const go of this.#waiting.values()) go();
    this.#waiting.clear();
  }

  /** As {@link Acceptor.tcp}; by default on a port that the kernel chooses. */
  tcp(ports: readonly number[] = [0], addresses?: readonly string[]): Promise<number> {
    return this.#acceptor.tcp(ports, addresses);
  }

  /** As {@link Acceptor.local}. */
  local(name: string): Promise<void> {
    return this.#acceptor.local(name);
  }

  /** Stops listening; accepted links live on. */
  close(): void {
    this.#acceptor.close();
  }

  /**
   * Reads at once, though there may be no secret yet: so a stranger that hangs up is noticed, and
   * one that says nothing, or more than a hello, has to go.
   */
  #greet(pending: PendingConnection): void {
    const { socket } = pending;
    let received = Buffer.alloc(0);
    let handshake: ServerHandshake | undefined;
    const advance = () => {
      let keys: Keys;
      try {
        if (handshake === undefined && received.length >= HELLO_BYTES) {
          if (this.#secret === undefined) return this.#wait(pending, received.length, advance);
          handshake = new ServerHandshake(this.#secret, received.subarray(0, HELLO_BYTES));
          const answer = this.#expects(handshake.greeting);
          if (answer === 'later') return void socket.end(handshake.refusal);
          if (!answer) return void socket.destroy();
          socket.write(handshake.challenge);
          pending.hurry();
        }
        if (handshake === undefined || received.length < HELLO_BYTES + PROOF_BYTES) return;
        keys = handshake.verify(received.subarray(HELLO_BYTES, HELLO_BYTES + PROOF_BYTES));
      } catch {
        // A stranger is turned away without a word: it could be anything.
        socket.destroy();
        return;
      }
      pending.leave();
      socket.removeAllListeners();
      const link = new Link(socket, handshake.greeting, keys);
      socket.on('data', chunk => link.take(chunk));
      link.take(received.subarray(HELLO_BYTES + PROOF_BYTES));
      this.#accept(link);
    };
    pending.hurry();
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk]);
      advance();
    });
    socket.once('close', () => this.#waiting.delete(pending));
    socket.resume();
  }

  /** The peer has said hello, in so many bytes, and waits for the secret to be known here. */
  #wait(pending: PendingConnection, length: number, advance: () => void): void {
    if (length > HELLO_BYTES) return void pending.socket.destroy();
    pending.relax();
    this.#waiting.set(pending, advance);
  }
}

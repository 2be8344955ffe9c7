/**
 * One authenticated connection, and the two ways to come by one: dial and accept. It moves bytes and knows
 * neither frames nor the tree.
 */
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import type { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import {
  CHALLENGE_BYTES,
  ClientHandshake,
  type Greeting,
  HELLO_BYTES,
  PROOF_BYTES,
  ServerHandshake,
} from './handshake.ts';
import { listenLocal, listenTcp } from './listener.ts';
import { PendingConnections } from './pending-connections.ts';

/** How long an accepted connection may take to prove itself, in milliseconds. */
const PROOF_MS = 5000;
/** What a peer may send before anybody reads it, in bytes: more than any of ours says unasked. */
const MAX_EARLY = 1 << 20;

/** Takes what arrives on a link. Exactly one of `ended` and `lost` comes last. */
export interface LinkReader {
  /** Where the next bytes should be put; called before each read. Absent or undefined: where the link likes. */
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

  /** Who is at the other end, for messages. */
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

  /** Sends `bytes`, which must stay as they are until `sent` is called. After a loss it never is. */
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

/** Where to dial: a TCP address or the name of an abstract local socket. */
export type Target = { host: string; port: number } | { local: string };

/**
 * Connects and proves itself.
 * @param signal gives up an attempt that has not proved itself yet
 * @throws PythonMpiError UNREACHABLE, AUTHENTICATION, or TIMEOUT
 */
export function dial(
  target: Target,
  secret: Buffer,
  greeting: Greeting,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  const where = 'local' in target ? 'the node leader' : `${target.host} port ${target.port}`;
  const handshake = new ClientHandshake(secret, greeting);
  const own = Buffer.allocUnsafe(65536);
  let link: Link | undefined;
  let challenge = Buffer.alloc(0);
  let socket: Socket | undefined;

  const proven = new Promise<Link>((resolve, reject) => {
    const fail = (reason: string) =>
      reject(new PythonMpiError('UNREACHABLE', `cannot reach ${where} (${reason})`));
    const take = (bytes: Buffer) => {
      if (link !== undefined) return link.deliver(bytes);
      challenge = Buffer.concat([challenge, bytes]);
      if (challenge.length < CHALLENGE_BYTES) return;
      try {
        socket!.write(handshake.prove(challenge.subarray(0, CHALLENGE_BYTES)));
      } catch (error) {
        socket!.destroy();
        return reject(error);
      }
      socket!.removeAllListeners();
      link = new Link(socket!, greeting);
      if (challenge.length > CHALLENGE_BYTES) link.deliver(challenge.subarray(CHALLENGE_BYTES));
      resolve(link);
    };
    socket = connect({
      ...('local' in target ? { path: `\0${target.local}` } : target),
      ...(signal && { signal }),
      onread: {
        buffer: () => link?.inbox() ?? own,
        callback: (length, buffer) => {
          take(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
    socket.on('error', error => fail((error as NodeJS.ErrnoException).code ?? error.message));
    socket.on('close', () => fail('closed during the handshake'));
    socket.write(handshake.hello);
  });
  return deadline.wait(proven, `an answer from ${where}`).catch(error => {
    socket?.destroy();
    throw error;
  });
}

/** A listening socket that lets in only those who know the secret. */
export class Listener {
  readonly #servers: Server[] = [];
  readonly #accept: (link: Link) => void;
  readonly #expects: (greeting: Greeting) => boolean;
  readonly #crowd = new PendingConnections(PROOF_MS);
  #secret: Buffer | undefined;
  #waiting: (() => void)[] = [];

  /** @param expects whether this listener is whom a client means; one that means another may have the same secret */
  constructor(accept: (link: Link) => void, expects: (greeting: Greeting) => boolean = () => true) {
    this.#accept = accept;
    this.#expects = expects;
  }

  /**
   * From now on connections can prove themselves; those made before have waited. The secret may be known only
   * after the address was published.
   */
  admit(secret: Buffer): void {
    this.#secret = secret;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /**
   * Listens on every address, on the first of these ports that is free, or on one the kernel chooses.
   * @returns the port
   * @throws PythonMpiError SYSTEM
   */
  async tcp(ports: readonly number[] = [0]): Promise<number> {
    const server = await listenTcp(ports, socket => this.#greet(socket));
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  /**
   * Listens on an abstract local socket: no file to leave behind.
   * @throws PythonMpiError SYSTEM
   */
  async local(name: string): Promise<void> {
    this.#servers.push(await listenLocal(name, socket => this.#greet(socket)));
  }

  /** Stops listening; accepted links live on. */
  close(): void {
    for (const server of this.#servers) server.close();
  }

  #greet(socket: Socket): void {
    const { hurry, leave } = this.#crowd.enter(socket);
    let received = Buffer.alloc(0);
    let handshake: ServerHandshake | undefined;
    const take = (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      try {
        if (handshake === undefined && received.length >= HELLO_BYTES) {
          handshake = new ServerHandshake(this.#secret!, received.subarray(0, HELLO_BYTES));
          if (!this.#expects(handshake.greeting)) return void socket.destroy();
          socket.write(handshake.challenge);
        }
        if (handshake === undefined || received.length < HELLO_BYTES + PROOF_BYTES) return;
        handshake.verify(received.subarray(HELLO_BYTES, HELLO_BYTES + PROOF_BYTES));
      } catch {
        // Strangers are turned away without a word: they could be anyone.
        socket.destroy();
        return;
      }
      leave();
      socket.removeAllListeners();
      const link = new Link(socket, handshake.greeting);
      socket.on('data', chunk => link.deliver(chunk));
      const rest = received.subarray(HELLO_BYTES + PROOF_BYTES);
      if (rest.length > 0) link.deliver(rest);
      this.#accept(link);
    };
    const begin = () => {
      hurry();
      socket.on('data', take);
      socket.resume();
    };
    if (this.#secret === undefined) this.#waiting.push(begin);
    else begin();
  }
}

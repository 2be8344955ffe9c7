/**
 * Reaching a peer: one address, the first of several that leads there, and again where the peer may
 * only be late.
 *
 * An address that leads nowhere often does not say so for seconds: the interface of a management
 * network, say. So the addresses are tried in their order, but none waits for the one before it for
 * long (RFC 8305 does it for browsers).
 */
import { connect, type Socket } from 'node:net';
import { Alarm, Backoff, type Deadline, now } from '../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../errors.ts';
import {
  CHALLENGE_BYTES,
  ClientHandshake,
  type Greeting,
  type Keys,
  OtherSession,
} from './handshake.ts';
import { Link } from './link.ts';

/**
 * How long an address may take to answer before the next one is tried beside it, in milliseconds.
 */
const HEAD_START_MS = 250;
/** Longest pause before the next try, in milliseconds. */
const RETRY_MS = 20;

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
      if (link !== undefined) return link.take(bytes);
      challenge = Buffer.concat([challenge, bytes]);
      if (challenge.length < CHALLENGE_BYTES) return;
      let keys: Keys;
      try {
        const proven = handshake.prove(challenge.subarray(0, CHALLENGE_BYTES));
        socket!.write(proven.proof);
        keys = proven.keys;
      } catch (error) {
        socket!.destroy();
        return reject(error);
      }
      socket!.removeAllListeners();
      link = new Link(socket!, greeting, keys);
      link.take(challenge.subarray(CHALLENGE_BYTES));
      resolve(link);
    };
    socket = connect({
      ...('local' in target ? { path: `\0${target.local}` } : target),
      ...(signal && { signal }),
      onread: {
        buffer: () => link?.space() ?? own,
        callback: (length, buffer) => {
          if (buffer.buffer === own.buffer) take(own.subarray(0, length));
          else link!.filled(length);
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

/**
 * Connects to the first address that answers and proves itself there; nothing is proved at the
 * others.
 * @throws PythonMpiError UNREACHABLE, AUTHENTICATION or TIMEOUT: what became of the last address
 */
export function dialAny(
  targets: readonly Target[],
  secret: Buffer,
  greeting: Greeting,
  deadline: Deadline,
): Promise<Link> {
  const { promise, resolve, reject } = Promise.withResolvers<Link>();
  const attempts = new Set<AbortController>();
  let begun = 0;
  let busy: OtherSession | undefined;
  const begin = () => {
    const target = targets[begun++];
    if (target === undefined) return;
    const attempt = new AbortController();
    attempts.add(attempt);
    impatience.set(now() + HEAD_START_MS);
    dial(target, secret, greeting, deadline, attempt.signal).then(
      link => {
        attempts.delete(attempt);
        impatience.clear();
        // Both sides take a proven link for the only one, so the others may not get that far.
        begun = targets.length;
        for (const other of attempts) other.abort();
        resolve(link);
      },
      error => {
        attempts.delete(attempt);
        if (error instanceof OtherSession) busy = error;
        if (begun < targets.length) begin();
        else if (attempts.size === 0) reject(busy ?? error);
      },
    );
  };
  const impatience = new Alarm(begin);
  if (targets.length === 0) reject(new PythonMpiError('UNREACHABLE', 'no address was published'));
  else begin();
  return promise;
}

/**
 * Repeats an attempt that fails as UNREACHABLE.
 * @param until no try begins later, but the first one
 * @param patience the same where the peer is there, and still in another session
 * @throws whatever the last attempt throws
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  until: Deadline,
  patience = until,
): Promise<T> {
  const backoff = new Backoff(RETRY_MS);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const last = error instanceof OtherSession ? patience : until;
      if (asPythonMpiError(error).code !== 'UNREACHABLE' || last.expired) throw error;
      await backoff.pause();
    }
  }
}

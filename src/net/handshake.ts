/**
 * The keyed challenge on every connection: a peer without the session's secret gets no byte in or
 * out.
 *
 *     client -> server   hello      "PMPI" version kind returns 0  from:u32  to:u32  nonce:16      32 bytes
 *     server -> client   challenge  nonce:16  mac(secret, "server" hello nonce):32            48 bytes
 *     client -> server   proof      mac(secret, "client" hello challenge):32                  32 bytes
 *
 * Integers are little-endian, macs HMAC-SHA-256. Both nonces enter both macs, so neither side's
 * part can be replayed, and each side's label keeps it from being reflected. The server proves
 * itself first, so a stranger on a recycled port learns nothing but a nonce.
 *
 * A server that is in another session than the client says so instead of the challenge, by a mac
 * with a label of its own: a client of the next run has come before this one is over, and comes
 * again.
 *
 * The keys of the records that follow are HKDF-SHA-256(secret, salt: hello challenge), so they are
 * this connection's alone. Pure: knows no socket and no time.
 */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { PythonMpiError } from '../errors.ts';

const MAGIC = 'PMPI';
const VERSION = 2;
const NONCE_BYTES = 16;
const MAC_BYTES = 32;
const SECRET_BYTES = 32;
const KEY_BYTES = 32;

export const HELLO_BYTES = 32;
export const CHALLENGE_BYTES = NONCE_BYTES + MAC_BYTES;
export const PROOF_BYTES = MAC_BYTES;

/** What a connection is for. */
export const TREE = 1;
export const LOCAL = 2;
/** The tree of a session that carries nothing: in it nodes only say whether they hold something. */
export const SURVEY = 3;
/** A rank's connection to the store that the root serves. */
export const STORE = 4;
/** What became of the nodes below, on its way to the root. */
export const REPORT = 5;
export type TreeKind = typeof TREE | typeof SURVEY;
export type Kind = TreeKind | typeof LOCAL | typeof STORE | typeof REPORT;

const KINDS: readonly number[] = [TREE, LOCAL, SURVEY, STORE, REPORT] satisfies readonly Kind[];

function isKind(byte: number | undefined): byte is Kind {
  return byte !== undefined && KINDS.includes(byte);
}

/** What a client says of itself before it is believed. */
export interface Greeting {
  kind: Kind;
  /** Position in the tree, or rank on a local connection. */
  from: number;
  /** Position the client means to reach. */
  to: number;
  /** The client has been part of this session before, and comes back by another way. */
  returns?: boolean;
}

/** Draws a secret. */
export function drawSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/**
 * A secret as it came through a launcher's store or a rendezvous file, in hexadecimal digits.
 * @throws PythonMpiError AUTHENTICATION for anything else: a key of half a secret, or none, would
 *   be guessed
 */
export function readSecret(text: string): Buffer {
  const secret = Buffer.from(text, 'hex');
  if (text.length === 2 * SECRET_BYTES && secret.length === SECRET_BYTES) return secret;
  throw new PythonMpiError('AUTHENTICATION', 'what was to be the secret of this job is none', {
    hint: 'use the same version of python-mpi on all ranks',
  });
}

function mac(secret: Buffer, label: string, ...parts: Uint8Array[]): Buffer {
  const hmac = createHmac('sha256', secret).update(label);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** What one side of a connection writes and reads its records with. */
export interface Keys {
  write: Buffer;
  read: Buffer;
}

function keysOf(secret: Buffer, hello: Buffer, challenge: Buffer, isClient: boolean): Keys {
  const salt = Buffer.concat([hello, challenge]);
  const both = Buffer.from(hkdfSync('sha256', secret, salt, 'python-mpi records', 2 * KEY_BYTES));
  const [up, down] = [both.subarray(0, KEY_BYTES), both.subarray(KEY_BYTES)];
  return isClient ? { write: up, read: down } : { write: down, read: up };
}

/** A label of what a server says that is busy with another session. */
const ELSEWHERE = 'server elsewhere';

/** The peer knows the secret, and is still in a session that this one is no part of. */
export class OtherSession extends PythonMpiError {
  constructor() {
    super('UNREACHABLE', 'the peer is still in another session of this job');
  }
}

function refuse(what: string): never {
  throw new PythonMpiError('AUTHENTICATION', what, {
    hint: 'another job or program answers there',
  });
}

/** The client's side. */
export class ClientHandshake {
  readonly #secret: Buffer;
  readonly hello: Buffer;

  constructor(secret: Buffer, greeting: Greeting) {
    this.#secret = secret;
    this.hello = Buffer.alloc(HELLO_BYTES);
    this.hello.write(MAGIC, 'latin1');
    this.hello[4] = VERSION;
    this.hello[5] = greeting.kind;
    this.hello[6] = Number(greeting.returns ?? false);
    this.hello.writeUInt32LE(greeting.from, 8);
    this.hello.writeUInt32LE(greeting.to, 12);
    randomBytes(NONCE_BYTES).copy(this.hello, HELLO_BYTES - NONCE_BYTES);
  }

  /**
   * Checks that the server knows the secret.
   * @param challenge exactly CHALLENGE_BYTES
   * @returns the proof to send, and the keys of all that follows it
   * @throws PythonMpiError AUTHENTICATION; OtherSession
   */
  prove(challenge: Buffer): { proof: Buffer; keys: Keys } {
    const nonce = challenge.subarray(0, NONCE_BYTES);
    const theirs = challenge.subarray(NONCE_BYTES);
    if (timingSafeEqual(theirs, mac(this.#secret, ELSEWHERE, this.hello, nonce))) {
      throw new OtherSession();
    }
    if (!timingSafeEqual(theirs, mac(this.#secret, 'server', this.hello, nonce))) {
      refuse('a peer does not know the secret of this job');
    }
    return {
      proof: mac(this.#secret, 'client', this.hello, challenge),
      keys: keysOf(this.#secret, this.hello, challenge, true),
    };
  }
}

/** The server's side. */
export class ServerHandshake {
  readonly #secret: Buffer;
  readonly #hello: Buffer;
  readonly challenge: Buffer;
  readonly greeting: Greeting;

  /**
   * @param hello exactly HELLO_BYTES
   * @throws PythonMpiError AUTHENTICATION when it is not a hello of ours
   */
  constructor(secret: Buffer, hello: Buffer) {
    const kind = hello[5];
    if (hello.toString('latin1', 0, 4) !== MAGIC || hello[4] !== VERSION)
      refuse('not a peer of ours');
    if (!isKind(kind)) refuse('not a peer of ours');
    this.#secret = secret;
    this.#hello = Buffer.from(hello);
    this.greeting = { kind, from: hello.readUInt32LE(8), to: hello.readUInt32LE(12) };
    if (hello[6] === 1) this.greeting.returns = true;
    const nonce = randomBytes(NONCE_BYTES);
    this.challenge = Buffer.concat([nonce, mac(secret, 'server', hello, nonce)]);
  }

  /** Instead of the challenge: tells a client of another session that it is not meant. */
  get refusal(): Buffer {
    const nonce = this.challenge.subarray(0, NONCE_BYTES);
    return Buffer.concat([nonce, mac(this.#secret, ELSEWHERE, this.#hello, nonce)]);
  }

  /**
   * @param proof exactly PROOF_BYTES
   * @returns the keys of all that follows it
   * @throws PythonMpiError AUTHENTICATION when the client does not know the secret
   */
  verify(proof: Buffer): Keys {
    const expected = mac(this.#secret, 'client', this.#hello, this.challenge);
    if (!timingSafeEqual(proof, expected)) refuse('a peer does not know the secret of this job');
    return keysOf(this.#secret, this.#hello, this.challenge, false);
  }
}

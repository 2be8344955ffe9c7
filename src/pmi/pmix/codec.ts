/**
 * PMIx's messages between a client and the server of its node: what is said, byte for byte. Pure.
 *
 * A handshake opens the connection; after it every message is a header of 16 bytes and a packed
 * body, and a reply carries its request's tag. Described by openpmix
 * src/mca/ptl/base/ptl_base_fns.c, ptl_types.h and, for the bodies, src/client. Servers are
 * intolerant: nothing may be sent that libpmix would not send.
 */
import { malformed, Packer, type Pair, type Proc, Unpacker } from './pack.ts';
import { readPair, TYPE } from './values.ts';

/** The rank that means all of a namespace. */
export const WILDCARD = 0xffff_fffe;

/** Statuses that a request can come back with, as PMIx numbers them. */
export const PMIX_STATUS = {
  SUCCESS: 0,
  TIMEOUT: -24,
  NOT_FOUND: -46,
  PARTIAL_SUCCESS: -52,
} as const;

const COMMAND = { REQ: 0, ABORT: 1, COMMIT: 2, FENCE: 3, GET: 4, FINALIZE: 5 } as const;
const HEADER_SIZE = 16;
/**
 * Most bytes that the body of a message may have: far more than the data of a job of MAX_RANKS
 * ranks.
 */
const MAX_BODY = 1 << 28;
const SCOPE_GLOBAL = 3;
const BUFFER_NOT_DESCRIBED = 1;
/** Any version from 3.2 on gives the same layout of job data. */
const VERSION = '4.2.2';

/** Who connects, and in which dialect. */
export interface Identity {
  readonly proc: Proc;
  /** Effective ids, which the launcher has registered. */
  readonly uid: number;
  readonly gid: number;
  /** Name of the encoding: "v41" or "v4". */
  readonly encoding: string;
  /** Name of the data store, which must be the one that Python's libpmix will use. */
  readonly gds: string;
}

/** A message from the server. Tags below 100 are unasked notifications. */
export interface Frame {
  readonly tag: number;
  readonly body: Uint8Array;
}

/** The first message: who connects, with the credential of security module "native". */
export function handshake({ proc, uid, gid, encoding, gds }: Identity): Uint8Array {
  const credential = new DataView(new ArrayBuffer(12));
  credential.setUint32(0, 8);
  credential.setUint32(4, uid, true);
  credential.setUint32(8, gid, true);
  const rank = new DataView(new ArrayBuffer(4));
  rank.setUint32(0, proc.rank);
  const payload = new Packer()
    .raw(terminated('native'))
    .raw(new Uint8Array(credential.buffer))
    .byte(0) // a plain client
    .raw(terminated(proc.namespace))
    .raw(new Uint8Array(rank.buffer))
    .raw(terminated(VERSION))
    .raw(terminated(encoding))
    .byte(BUFFER_NOT_DESCRIBED)
    .raw(terminated(gds)).bytes;
  const header = new DataView(new ArrayBuffer(HEADER_SIZE));
  header.setInt32(0, -1);
  header.setInt32(4, -1);
  // The one length in host order.
  header.setUint32(8, payload.length, true);
  return concat(new Uint8Array(header.buffer), payload);
}

/** A message after the handshake, under the index that the server gave this connection. */
export function frame(index: number, tag: number, body: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(HEADER_SIZE));
  header.setInt32(0, index);
  header.setUint32(4, tag);
  header.setUint32(8, body.length);
  return concat(new Uint8Array(header.buffer), body);
}

/** Asks for the job's data, as every client must first. */
export function reqBody(): Uint8Array {
  return command(COMMAND.REQ).bytes;
}

/**
 * Publishes this rank's values, in one block: servers do not read back a block for local ranks
 * alone.
 */
export function commitBody(values: ReadonlyMap<string, string>): Uint8Array {
  const block = new Packer();
  for (const [key, value] of values) block.item().string(key).unsigned(TYPE.STRING).string(value);
  const { bytes } = block;
  const body = command(COMMAND.COMMIT).item().byte(SCOPE_GLOBAL);
  return body.item().byte(BUFFER_NOT_DESCRIBED).unsigned(bytes.length).raw(bytes).bytes;
}

/** Waits for all ranks of the namespace and lets their servers exchange what was committed. */
export function fenceBody(namespace: string): Uint8Array {
  const body = command(COMMAND.FENCE).item().unsigned(1).item().proc({ namespace, rank: WILDCARD });
  return body
    .item()
    .unsigned(1)
    .item()
    .string('pmix.collect')
    .unsigned(0)
    .unsigned(TYPE.BOOL)
    .byte(1).bytes;
}

/** Asks for one value of a rank or, without a key, for all. */
export function getBody({ namespace, rank }: Proc, key?: string): Uint8Array {
  const body = command(COMMAND.GET)
    .item()
    .string(namespace)
    .item()
    .unsigned(rank)
    .item()
    .unsigned(0);
  return key === undefined ? body.bytes : body.item().string(key).bytes;
}

/** Asks the launcher to end the job. */
export function abortBody(status: number, message: string): Uint8Array {
  return command(COMMAND.ABORT).item().signed(status).item().string(message).item().unsigned(0)
    .bytes;
}

/** Ends the session, not the connection. */
export function finalizeBody(): Uint8Array {
  return command(COMMAND.FINALIZE).bytes;
}

/**
 * The status that a reply's body begins with.
 * @param what the message, as errors name it: "the answer to COMMIT"
 * @throws PythonMpiError LAUNCHER when there is none
 */
export function parseStatus(body: Uint8Array, what: string): number {
  return new Unpacker(body, what).item().signed();
}

/**
 * A reply to a get: its status, and what was found.
 * @throws PythonMpiError LAUNCHER when it is malformed
 */
export function parseFound(body: Uint8Array): { status: number; found: Pair[] } {
  const what = 'the answer to GET';
  const unpacker = new Unpacker(body, what);
  const status = unpacker.item().signed();
  const found: Pair[] = [];
  while (status === PMIX_STATUS.SUCCESS && !unpacker.done) {
    const blob = new Unpacker(unpacker.item().blob(), what);
    if (blob.done) continue;
    blob.item().proc();
    while (!blob.done) found.push(readPair(blob.item()));
  }
  return { status, found };
}

/** Puts messages together from what a socket happens to deliver. */
export class FrameReader {
  /**
   * What has arrived and is not taken yet. Joined only when there is enough: a message may come in
   * many pieces.
   */
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** Takes bytes. */
  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /**
   * The answer to the handshake, once: a status, 0 for success, and the index of this connection.
   */
  accepted(): { status: number; index: number } | undefined {
    if (this.#length < 8) return undefined;
    const view = viewOf(this.#take(8));
    return { status: view.getInt32(0), index: view.getInt32(4) };
  }

  /**
   * The next whole message.
   * @throws PythonMpiError LAUNCHER when it is longer than any message
   */
  next(): Frame | undefined {
    if (this.#length < HEADER_SIZE) return undefined;
    const length = viewOf(this.#peek(HEADER_SIZE)).getUint32(8);
    if (length > MAX_BODY)
      throw malformed('a message', `has ${length} bytes, and ${MAX_BODY} at most were expected`);
    if (this.#length < HEADER_SIZE + length) return undefined;
    const message = this.#take(HEADER_SIZE + length);
    return { tag: viewOf(message).getUint32(4), body: message.subarray(HEADER_SIZE) };
  }

  /** The first `count` bytes, all of which are there. */
  #peek(count: number): Uint8Array {
    if (this.#pieces[0]!.length < count) this.#pieces = [concat(...this.#pieces)];
    return this.#pieces[0]!.subarray(0, count);
  }

  #take(count: number): Uint8Array {
    const taken = this.#peek(count);
    const rest = this.#pieces[0]!.subarray(count);
    if (rest.length > 0) this.#pieces[0] = rest;
    else this.#pieces.shift();
    this.#length -= count;
    return taken;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function command(number: number): Packer {
  return new Packer().item().byte(number);
}

function terminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

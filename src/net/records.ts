/**
 * The record layer: every byte between two peers after their handshake is in a record, and counts
 * only once that has verified. A record is a head of 24 bytes and a body:
 *
 *     0  u32  length of the body
 *     4  u8   0: the body is clear; 1: it is sealed
 *     5       0 0 0
 *     8       tag:16
 *
 * Clear bodies are authenticated by AES-256-GMAC, which is GCM with the body as additional data and
 * no plaintext: they are neither copied nor changed. Sealed ones are enciphered by AES-256-GCM.
 * Each direction has a key of its own, from the handshake, and counts its records. The nonce is the
 * u32 in front of the tag and that count, so a record that was changed, replayed, left out or put
 * elsewhere does not verify. The length is part of what GCM authenticates. Pure: knows no socket.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

export const HEAD_BYTES = 24;
/** Most bytes of a body. */
export const MAX_BODY = 1 << 20;

const ALGORITHM = 'aes-256-gcm';
const TAG_BYTES = 16;
const TAG = { authTagLength: TAG_BYTES } as const;
const TAG_AT = HEAD_BYTES - TAG_BYTES;
const NOTHING = new Uint8Array(0);

/** A record is not what the peer has written. */
export class ForgedRecord extends Error {
  constructor() {
    super('a record did not verify');
    this.name = 'ForgedRecord';
  }
}

/** The nonces of one direction: 12 bytes, the kind of the record and its number. */
class Nonces {
  readonly #bytes = Buffer.alloc(12);
  #count = 0;

  next(sealed: number): Buffer {
    this.#bytes.writeUInt32LE(sealed, 0);
    this.#bytes.writeUIntLE(this.#count++, 4, 6);
    return this.#bytes;
  }
}

/** One direction, where it is written. */
export class RecordWriter {
  readonly #key: KeyObject;
  readonly #nonces = new Nonces();

  /** @param key 32 bytes that no other direction of any link has */
  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  /**
   * Makes the next record.
   * @param body 1 to MAX_BODY bytes; those of a clear record must not change before they are
   *   written
   * @returns the head and the body, to be written one after the other
   */
  record(body: Uint8Array, sealed: boolean): [head: Buffer, body: Uint8Array] {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(body.length);
    head[4] = Number(sealed);
    const cipher = createCipheriv(ALGORITHM, this.#key, this.#nonces.next(head[4]), TAG);
    let written = body;
    if (sealed) written = cipher.update(body);
    else cipher.setAAD(body);
    cipher.final();
    cipher.getAuthTag().copy(head, TAG_AT);
    return [head, written];
  }
}

/** A place for what arrives, that belongs to the reader of the records. */
export interface Place {
  /** Where the next bytes, heads and all, are best put; undefined when it does not matter. */
  place(): Uint8Array | undefined;
  /** Bytes that have not been verified yet were put there. */
  put(bytes: Uint8Array): void;
}

/**
 * One direction, where it is read. Bytes come by {@link push} from anywhere, or by {@link filled}
 * where {@link space} said. After each, {@link next} gives the bodies, and {@link settle} ends it.
 */
export class RecordReader {
  readonly #key: KeyObject;
  readonly #nonces = new Nonces();
  /** Where the bytes lie that have not been given out: from #start to #end. */
  #region: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** This reader's own place, for a record that has no better one. */
  #home: Uint8Array = NOTHING;

  /** @param key as the writer's */
  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  /** Where the next bytes should be put; undefined: anywhere. */
  space(place: Place | undefined): Uint8Array | undefined {
    if (this.#start === this.#end) {
      const better = place?.place();
      if (better === undefined || better.length <= HEAD_BYTES) return undefined;
      this.#move(better);
    }
    const need = this.#need();
    if (this.#start + need > this.#region.length) this.#moveHome(need);
    return this.#region === this.#home
      ? this.#home.subarray(this.#end, this.#start + need)
      : this.#region.subarray(this.#end);
  }

  /** So many bytes were put where {@link space} said. */
  filled(length: number, place: Place | undefined): void {
    const from = this.#end;
    this.#end += length;
    if (this.#region !== this.#home) place?.put(this.#region.subarray(from, this.#end));
  }

  /** Takes bytes from elsewhere, not always all of them. @returns how many */
  push(bytes: Uint8Array): number {
    if (this.#start === this.#end) {
      this.#region = bytes;
      this.#start = 0;
      this.#end = bytes.length;
      return bytes.length;
    }
    const need = this.#need();
    if (this.#start + need > this.#region.length) this.#moveHome(need);
    const part = bytes.subarray(0, this.#start + need - this.#end);
    this.#region.set(part, this.#end);
    this.#end += part.length;
    return part.length;
  }

  /**
   * The body of the next record that is whole; undefined when there is none.
   * @throws ForgedRecord when it is not what the peer has written; nothing that follows counts
   */
  next(): Uint8Array | undefined {
    const have = this.#end - this.#start;
    const need = this.#need();
    if (have < HEAD_BYTES || have < need) return undefined;
    const at = this.#start;
    this.#start += need;
    const head = this.#region.subarray(at, at + HEAD_BYTES);
    return this.#open(
      head[4]!,
      head.subarray(TAG_AT),
      this.#region.subarray(at + HEAD_BYTES, at + need),
    );
  }

  /** There are no more bodies for now: what is left of a record is put where the rest will come. */
  settle(place: Place | undefined): void {
    if (this.#start === this.#end || this.#region === this.#home) return;
    const better = place?.place();
    const need = this.#need();
    if (better === undefined || better.length < need) {
      this.#moveHome(need);
    } else {
      this.#move(better);
      place!.put(better.subarray(0, this.#end));
    }
  }

  /** Bytes of the record that has begun, its head included, as far as is known. */
  #need(): number {
    const at = this.#start;
    if (this.#end - at < HEAD_BYTES) return HEAD_BYTES;
    const [a, b, c, d, sealed, ...zeros] = this.#region.subarray(
      at,
      at + TAG_AT,
    ) as unknown as number[];
    const length = a! + b! * 2 ** 8 + c! * 2 ** 16 + d! * 2 ** 24;
    const isRecord =
      length > 0 && length <= MAX_BODY && sealed! <= 1 && zeros.every(byte => byte === 0);
    if (!isRecord) throw new ForgedRecord();
    return HEAD_BYTES + length;
  }

  #open(sealed: number, tag: Uint8Array, body: Uint8Array): Uint8Array {
    const decipher = createDecipheriv(ALGORITHM, this.#key, this.#nonces.next(sealed), TAG);
    decipher.setAuthTag(tag);
    let opened = body;
    if (sealed === 1) opened = decipher.update(body);
    else decipher.setAAD(body);
    try {
      decipher.final();
    } catch {
      throw new ForgedRecord();
    }
    return opened;
  }

  #moveHome(need: number): void {
    if (this.#home.length < need) {
      const larger = new Uint8Array(need);
      this.#move(larger);
      this.#home = larger;
    } else {
      this.#move(this.#home);
    }
  }

  #move(region: Uint8Array): void {
    const waiting = this.#region.subarray(this.#start, this.#end);
    if (region.buffer !== waiting.buffer || region.byteOffset !== waiting.byteOffset)
      region.set(waiting);
    this.#region = region;
    this.#end = waiting.length;
    this.#start = 0;
  }
}

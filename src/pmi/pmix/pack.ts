/**
 * How PMIx packs data: bytes out of values and values out of bytes. Pure.
 *
 * This is the encoding of PMIx 4 and later ("v4", "v41") in buffers that are not self-describing.
 * Integers are base-128, low bits first; signed ones are zig-zagged before. Every top-level item is
 * a count and that many values. Described by openpmix src/mca/bfrops/base/bfrop_base_pack.c and
 * psquash/flex128. What a value of a type looks like is in values.ts.
 */
import { PythonMpiError } from '../../errors.ts';

/** A value as PMIx knows it. Blobs stay bytes; an info or kval is a Pair, an array an array. */
export type Value = string | number | Uint8Array | Pair | readonly Value[];

export interface Pair {
  readonly key: string;
  readonly value: Value;
}

/** A process: a rank of a namespace. */
export interface Proc {
  readonly namespace: string;
  readonly rank: number;
}

export class Packer {
  readonly #bytes: number[] = [];

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  byte(value: number): this {
    this.#bytes.push(value);
    return this;
  }

  /** An integer of an unsigned type, below 2^32. */
  unsigned(value: number): this {
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) this.#bytes.push((left % 0x80) | 0x80);
    this.#bytes.push(left);
    return this;
  }

  /** An integer of a signed type, of 32 bits. */
  signed(value: number): this {
    return this.unsigned(value >= 0 ? 2 * value : -2 * (value + 1) + 1);
  }

  /** Starts a top-level item of `count` values. */
  item(count = 1): this {
    return this.signed(count);
  }

  string(text: string): this {
    const encoded = new TextEncoder().encode(text);
    this.signed(encoded.length + 1);
    this.#bytes.push(...encoded, 0);
    return this;
  }

  proc({ namespace, rank }: Proc): this {
    return this.string(namespace).unsigned(rank);
  }

  /** Bytes without their length. */
  raw(bytes: Uint8Array): this {
    this.#bytes.push(...bytes);
    return this;
  }
}

/**
 * Takes packed values off the front of bytes. Everything throws PythonMpiError LAUNCHER where they
 * are not there.
 */
export class Unpacker {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /** @param what the message, as errors name it: "the answer to GET" */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  get done(): boolean {
    return this.left === 0;
  }

  byte(): number {
    if (this.done) throw this.malformed('ends where a value was expected');
    return this.#bytes[this.#at++]!;
  }

  /** Numbers above 2^53 lose their low bits. */
  unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 56; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return value + this.byte() * 2 ** 56;
  }

  signed(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value - 1) / 2 - 1;
  }

  /** The start of a top-level item that must hold one value. */
  item(): this {
    const count = this.signed();
    if (count !== 1) throw this.malformed(`holds ${count} values where one was expected`);
    return this;
  }

  string(): string {
    const length = this.signed();
    if (length === 0) return '';
    return new TextDecoder().decode(this.take(length).subarray(0, -1));
  }

  proc(): Proc {
    return { namespace: this.string(), rank: this.unsigned() };
  }

  /** A length and that many bytes. */
  blob(): Uint8Array {
    return this.take(this.unsigned());
  }

  /** So many bytes. */
  take(length: number): Uint8Array {
    if (!(length >= 0 && length <= this.left))
      throw this.malformed(`has ${this.left} bytes where ${length} were expected`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Text up to its NUL. */
  terminated(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw this.malformed('ends within a text');
    return new TextDecoder().decode(this.take(end - this.#at + 1).subarray(0, -1));
  }

  /** For what is not as it should be: "... of PMIx holds 3 values where one was expected". */
  malformed(how: string): PythonMpiError {
    return malformed(this.#what, how);
  }
}

/** For a message of the launcher that is none. */
export function malformed(what: string, how: string): PythonMpiError {
  return new PythonMpiError('LAUNCHER', `${what} of PMIx ${how}`, {
    hint: 'use another launcher, or report this with what python-mpi --diagnose prints',
  });
}

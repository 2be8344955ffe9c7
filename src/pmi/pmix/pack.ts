/**
 * How PMIx packs data: bytes out of values and values out of bytes. Pure.
 *
 * This is the encoding of PMIx 4 and later ("v4", "v41") in buffers that are not self-describing. Integers are
 * base-128, low bits first; signed ones are zig-zagged before. Every top-level item is a count and that many values.
 * Described by openpmix src/mca/bfrops/base/bfrop_base_pack.c and psquash/flex128. Nothing says how long a value is,
 * so a type that is not known ends the reading.
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

/** Data types, by their numbers on the wire. */
export const TYPE = { BOOL: 1, STRING: 3 } as const;

/** Values nested deeper than any launcher nests them are garbage. */
const MAX_DEPTH = 16;

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

/** Takes packed values off the front of bytes. Everything throws PythonMpiError LAUNCHER where they are not there. */
export class Unpacker {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw malformed('ends early');
    return byte;
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
    if (count !== 1) throw malformed(`holds ${count} values for one`);
    return this;
  }

  string(): string {
    const length = this.signed();
    if (length === 0) return '';
    return new TextDecoder().decode(this.#take(length).subarray(0, -1));
  }

  proc(): Proc {
    return { namespace: this.string(), rank: this.unsigned() };
  }

  /** A length and that many bytes. */
  blob(): Uint8Array {
    return this.#take(this.unsigned());
  }

  /** A key with its value, as in puts and job data. */
  pair(depth = 0): Pair {
    return { key: this.string(), value: this.#typed(depth) };
  }

  #typed(depth: number): Value {
    return this.#value(this.unsigned(), depth);
  }

  #value(type: number, depth: number): Value {
    if (depth > MAX_DEPTH) throw malformed('nests too deep');
    switch (type) {
      case TYPE.BOOL:
      case 2: // byte
      case 7: // int8
      case 12: // uint8
      case 31: // pointer
      case 32: // scope
      case 33: // range
      case 34: // command
      case 37: // process state
        return this.byte();
      case TYPE.STRING:
      case 16: // float, as text
      case 17: // double, as text
      case 60: // namespace
        return this.string();
      case 4: // size
      case 5: // pid
      case 11: // uint
      case 13: // uint16
      case 14: // uint32
      case 15: // uint64
      case 19: // time
      case 35: // info directives
      case 40: // rank
        return this.unsigned();
      case 6: // int
      case 8: // int16
      case 9: // int32
      case 10: // int64
      case 20: // status
        return this.signed();
      case 18: // time value
        return [this.signed(), this.signed()];
      case 21: // value
        return this.#typed(depth + 1);
      case 22: {
        const { namespace, rank } = this.proc();
        return [namespace, rank];
      }
      case 24: {
        const key = this.string();
        this.unsigned(); // flags
        return { key, value: this.#typed(depth + 1) };
      }
      case 26: // buffer
        this.byte();
        return this.blob();
      case 27: // byte object
      case 42: // compressed string
      case 59: // compressed bytes
        return this.blob();
      case 28:
        return this.pair(depth + 1);
      case 39:
        return this.#array(depth + 1);
      case 54: // device distance
        return [this.string(), this.string(), this.unsigned(), this.unsigned(), this.unsigned()];
      default:
        throw malformed(`holds a value of type ${type}`);
    }
  }

  #array(depth: number): Value[] {
    const type = this.unsigned();
    const count = this.unsigned();
    const values: Value[] = [];
    while (values.length < count) values.push(this.#value(type, depth));
    return values;
  }

  #take(length: number): Uint8Array {
    if (!(length >= 0 && length <= this.#bytes.length - this.#at)) throw malformed('ends early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/** For what is no message: "a PMIx message of the launcher ..." */
export function malformed(how: string): PythonMpiError {
  return new PythonMpiError('LAUNCHER', `a PMIx message of the launcher ${how}`);
}

/**
 * The tar format as a push parser: bytes in pieces of any size, members out. Pure: no I/O, no
 * policy.
 *
 * Reads what GNU tar, bsdtar, Python's tarfile and POSIX pax write: v7, ustar, pax headers (x, g),
 * GNU long names (L, K) and base-256 numbers. What it does not implement (sparse files, continued
 * volumes) it refuses by name; what is malformed it refuses too, since a guess would put a wrong
 * tree on every node.
 *
 * Names are bytes, and no encoding is promised (see names.ts).
 *
 * Why this is not the parser of the package `tar`, with whose headers header.ts writes:
 * - It decodes names as UTF-8, so that names that differ in other bytes become one file.
 * - It skips a pax record whose value contains a line break, and goes on.
 * - What this file refuses, such as a header with a wrong checksum or a type it does not know, it
 *   skips with a warning.
 * - It makes a stream for every member. Inflating, parsing and writing a Debian Python with numpy
 *   and scipy (4,780 files) in one thread took 0.64 s with it, and 0.50 s with a parser like this
 *   one.
 *
 * Layout: POSIX.1-2024, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual,
 * "Basic Tar Format".
 */
import { PythonMpiError } from '../errors.ts';
import { BLOCK, paddingOf } from './block.ts';

/** ASCII. */
const BLANK = 0x20;
const ZERO = 0x30;

export type MemberType = 'file' | 'link' | 'symlink' | 'directory' | 'device' | 'fifo';

export interface Member {
  type: MemberType;
  /** Path as it stands in the archive, a binary string. */
  name: string;
  /** Target of a link or symlink, a binary string; empty for all else. */
  target: string;
  /** Permission bits including setuid, setgid and sticky. */
  mode: number;
  /** Bytes of content; 0 for all but files. */
  size: number;
  /** Seconds since the epoch, possibly with a fraction. */
  mtime: number;
}

/**
 * Called in the order of the archive: one `member`, then its `content` in pieces, then `memberEnd`.
 */
export interface TarHandler {
  member(member: Member): void;
  /** The bytes are only valid during the call. */
  content(bytes: Uint8Array): void;
  memberEnd(): void;
}

/** Headers that describe the next member are kept in memory; a longer one is refused. */
const META_LIMIT = 1 << 20;
/** Zeros that may follow the end, in bytes: records are padded, but not without end. */
const TRAILER_LIMIT = 64 << 20;
/** Latest and earliest time in seconds that every interface here can carry (that of a Date). */
const TIME_LIMIT = 8_640_000_000_000;
/** The pax records that matter here. Others are not kept: global ones would add up. */
const PAX_KEYS: readonly string[] = ['path', 'linkpath', 'size', 'mtime'];
/** Any of these says that a file is sparse. */
const PAX_SPARSE = 'GNU.sparse.';

const TYPES: Readonly<Record<string, MemberType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
};

const NO_RECORDS: ReadonlyMap<string, string> = new Map();

type Meta = 'x' | 'g' | 'L' | 'K';
type State = 'header' | 'content' | 'padding' | 'meta' | 'end';

function corrupt(what: string): PythonMpiError {
  return new PythonMpiError('CORRUPT_PACKAGE', what);
}

export class TarReader {
  readonly #handler: TarHandler;
  #state: State = 'header';
  /** Bytes left of what the state reads. */
  #left = 0;
  /** Bytes of padding after the content or meta data. */
  #padding = 0;
  readonly #header: Buffer = Buffer.alloc(BLOCK);
  #headerFill = 0;
  #zeroBlocks = 0;
  /** Bytes that followed the end. */
  #trailer = 0;
  #meta: { kind: Meta; bytes: Buffer; fill: number } | undefined;
  /** Records for all following members, and for the next one only. */
  #global: ReadonlyMap<string, string> = NO_RECORDS;
  #local: ReadonlyMap<string, string> = NO_RECORDS;
  /** GNU's long name and long link target for the next member. */
  #longName: string | undefined;
  #longTarget: string | undefined;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  /**
   * The next bytes of the archive.
   * @throws PythonMpiError CORRUPT_PACKAGE, without naming the package; whatever the handler throws
   */
  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#state === 'header') {
        at = this.#readHeader(bytes, at);
      } else if (this.#state === 'end') {
        this.#readTrailer(bytes.subarray(at));
        return;
      } else {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        this.#take(piece);
      }
    }
  }

  #readTrailer(bytes: Buffer): void {
    if (!isZero(bytes)) throw corrupt('there are bytes after the end');
    this.#trailer += bytes.length;
    if (this.#trailer > TRAILER_LIMIT) throw corrupt('there is no end to the zeros at its end');
  }

  /** Bytes of what the state reads, the last of them when none are left. */
  #take(piece: Buffer): void {
    const last = this.#left === 0;
    switch (this.#state) {
      case 'content':
        this.#handler.content(piece);
        if (last) this.#endContent();
        break;
      case 'meta':
        this.#meta!.fill += piece.copy(this.#meta!.bytes, this.#meta!.fill);
        if (last) this.#endMeta();
        break;
      case 'padding':
        if (last) this.#state = 'header';
    }
  }

  /** After the last byte. @throws PythonMpiError CORRUPT_PACKAGE unless the archive is complete */
  end(): void {
    if (this.#state !== 'end') throw corrupt('the archive ends too early');
  }

  #readHeader(bytes: Buffer, at: number): number {
    if (this.#headerFill === 0 && bytes.length - at >= BLOCK) {
      this.#block(bytes.subarray(at, at + BLOCK));
      return at + BLOCK;
    }
    const end = Math.min(bytes.length, at + BLOCK - this.#headerFill);
    this.#header.set(bytes.subarray(at, end), this.#headerFill);
    this.#headerFill += end - at;
    if (this.#headerFill === BLOCK) {
      this.#headerFill = 0;
      this.#block(this.#header);
    }
    return end;
  }

  #block(block: Buffer): void {
    if (block[0] === 0 && isZero(block)) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#state = 'end';
      return;
    }
    if (this.#zeroBlocks > 0) throw corrupt('there are bytes after the end');
    if (!isTarHeader(block)) throw corrupt('a header has a wrong checksum');
    const kind = String.fromCharCode(block[156]!);
    const size = number(block, 124, 12, 'size');
    if (kind === 'x' || kind === 'g' || kind === 'L' || kind === 'K') this.#beginMeta(kind, size);
    else if (kind !== 'V') this.#beginMember(block, kind, size);
    // A volume label of GNU tar is no member. One with content would shift what follows.
    else if (size !== 0) throw corrupt('a volume label has content');
  }

  #beginMeta(kind: Meta, size: number): void {
    if (size < 0 || size > META_LIMIT) throw corrupt(`an extended header of ${size} bytes`);
    this.#meta = { kind, bytes: Buffer.alloc(size), fill: 0 };
    this.#left = size;
    this.#padding = paddingOf(size);
    if (size > 0) this.#state = 'meta';
    else this.#endMeta();
  }

  #endMeta(): void {
    const { kind, bytes } = this.#meta!;
    this.#meta = undefined;
    if (kind === 'x') this.#local = new Map([...this.#local, ...paxRecords(bytes)]);
    else if (kind === 'g') this.#global = new Map([...this.#global, ...paxRecords(bytes)]);
    else if (kind === 'L') this.#longName = cString(bytes, 0, bytes.length);
    else this.#longTarget = cString(bytes, 0, bytes.length);
    this.#skipPadding();
  }

  #beginMember(block: Buffer, kind: string, headerSize: number): void {
    const name = this.#pax('path') ?? this.#longName ?? headerName(block);
    const paxTarget = this.#pax('linkpath') ?? this.#longTarget;
    const paxSize = this.#pax('size');
    const paxTime = this.#pax('mtime');
    const sparse = kind === 'S' || this.#pax(PAX_SPARSE) !== undefined;
    this.#local = NO_RECORDS;
    this.#longName = undefined;
    this.#longTarget = undefined;

    let type = TYPES[kind];
    if (sparse) throw corrupt(`${printable(name)} is stored as a sparse file (GNU tar -S)`);
    if (type === undefined) {
      throw corrupt(`${printable(name)} is of an unknown type (${printable(kind)})`);
    }
    // Before ustar, a directory was a file whose name ends in a slash.
    if (type === 'file' && name.endsWith('/')) type = 'directory';
    // What the others announce as size is the target's size or none at all: no content follows.
    const size = type === 'file' ? (paxSize === undefined ? headerSize : decimal(paxSize)) : 0;
    if (!Number.isSafeInteger(size) || size < 0) throw corrupt(`${printable(name)} has no size`);
    const mtime = paxTime === undefined ? number(block, 136, 12, 'time') : decimal(paxTime);
    if (!(Math.abs(mtime) <= TIME_LIMIT)) throw corrupt(`${printable(name)} has no time`);
    this.#handler.member({
      type,
      name,
      target: type === 'link' || type === 'symlink' ? (paxTarget ?? cString(block, 157, 100)) : '',
      mode: number(block, 100, 8, 'mode') & 0o7777,
      size,
      mtime,
    });
    this.#left = size;
    this.#padding = paddingOf(size);
    if (size > 0) this.#state = 'content';
    else this.#endContent();
  }

  /**
   * What the headers before a member say of it. POSIX: an empty value takes back what an earlier
   * one said.
   */
  #pax(key: string): string | undefined {
    if (this.#local.size === 0 && this.#global.size === 0) return undefined;
    return (this.#local.get(key) ?? this.#global.get(key)) || undefined;
  }

  #endContent(): void {
    this.#handler.memberEnd();
    this.#skipPadding();
  }

  #skipPadding(): void {
    this.#left = this.#padding;
    this.#state = this.#left > 0 ? 'padding' : 'header';
  }
}

/** Whether a block is a tar header: its checksum (bytes 148..155 counted as blanks) is right. */
export function isTarHeader(block: Uint8Array): boolean {
  let sum = 8 * BLANK + byteSum(block);
  let announced = 0;
  let digits = 0;
  for (let i = 148; i < 156; i++) sum -= block[i]!;
  for (let i = 148; i < 156; i++) {
    const digit = block[i]! - ZERO;
    if (digit >= 0 && digit < 8) {
      announced = announced * 8 + digit;
      digits += 1;
    } else if (digits > 0) break;
  }
  return digits > 0 && announced === sum;
}

/**
 * The sum of a block's bytes. Four at a time, in two lanes of 16 bits each, which 128 words just
 * cannot overflow: most of an archive's headers are read before this code has been compiled.
 */
function byteSum(block: Uint8Array): number {
  let sum = 0;
  if (block.byteOffset % 4 !== 0) {
    for (let i = 0; i < BLOCK; i++) sum += block[i]!;
    return sum;
  }
  const words = new Uint32Array(block.buffer, block.byteOffset, BLOCK / 4);
  for (let i = 0; i < BLOCK / 4; i++) {
    const word = words[i]!;
    sum += (word & 0xff00ff) + ((word >>> 8) & 0xff00ff);
  }
  return (sum >>> 16) + (sum & 0xffff);
}

/** Characters of a name that are shown, half of them from either end. */
const SHOWN = 200;

/**
 * A binary string for people: as UTF-8, not too long, with line breaks and other control characters
 * escaped.
 */
export function printable(name: string): string {
  const half = SHOWN / 2;
  const shown = name.length > SHOWN ? `${name.slice(0, half)}...${name.slice(-half)}` : name;
  return Buffer.from(shown, 'latin1')
    .toString('utf8')
    .replace(/[\x00-\x1f\x7f-\x9f]/g, c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** A field up to its first NUL, or all of it. */
function cString(bytes: Buffer, start: number, length: number): string {
  const nul = bytes.indexOf(0, start);
  const end = nul === -1 ? start + length : Math.min(nul, start + length);
  return bytes.toString('latin1', start, end);
}

/** `name`, and before it ustar's `prefix`; GNU's own magic ("ustar  ") has other things there. */
function headerName(block: Buffer): string {
  const name = cString(block, 0, 100);
  // "ustar" and a NUL; most names need no prefix.
  if (block[345] === 0 || block[262] !== 0 || block.toString('latin1', 257, 262) !== 'ustar')
    return name;
  return `${cString(block, 345, 155)}/${name}`;
}

/**
 * A numeric field: octal digits between blanks or NULs, or GNU's base-256 when bit 7 of it is set.
 */
function number(block: Buffer, start: number, length: number, what: string): number {
  const first = block[start]!;
  if (first & 0x80) {
    // Two's complement, big-endian, below the marker bit.
    let value = first & 0x40 ? (first & 0x7f) - 0x80 : first & 0x7f;
    for (let i = start + 1; i < start + length; i++) value = value * 256 + block[i]!;
    return value;
  }
  const end = start + length;
  let at = start;
  while (at < end && block[at] === BLANK) at++;
  let value = 0;
  for (; at < end && block[at]! >= ZERO && block[at]! < ZERO + 8; at++) {
    value = value * 8 + block[at]! - ZERO;
  }
  // What follows the first NUL does not count.
  for (; at < end && block[at] !== 0; at++) {
    if (block[at] !== BLANK) throw corrupt(`a header has a malformed ${what}`);
  }
  return value;
}

function decimal(digits: string): number {
  if (!/^-?\d+(\.\d*)?$/.test(digits)) throw corrupt('a pax record has a malformed number');
  return Number(digits);
}

/**
 * The "LENGTH KEY=VALUE\n" records that matter; LENGTH counts all of a record, so a value may
 * contain anything.
 */
function paxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const blank = bytes.indexOf(0x20, at);
    const digits = blank === -1 ? '' : bytes.toString('latin1', at, blank);
    const end = at + Number(digits);
    const equals = bytes.indexOf(0x3d, blank);
    const whole = /^\d{1,7}$/.test(digits) && end <= bytes.length && bytes[end - 1] === 0x0a;
    if (!whole || equals === -1 || equals <= blank || equals >= end) {
      throw corrupt('a pax header is malformed');
    }
    const key = bytes.toString('latin1', blank + 1, equals);
    const value = bytes.toString('latin1', equals + 1, end - 1);
    if (PAX_KEYS.includes(key)) records.set(key, value);
    else if (key.startsWith(PAX_SPARSE)) records.set(PAX_SPARSE, value);
    at = end;
  }
  return records;
}

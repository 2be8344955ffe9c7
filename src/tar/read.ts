/**
 * The tar format as a push parser: bytes in pieces of any size, members out. Pure: no I/O, no
 * policy.
 *
 * Reads what GNU tar, bsdtar, Python's tarfile and POSIX pax write: v7, ustar, pax headers (x, g),
 * GNU long names (L, K), base-256 numbers and sparse files (see sparse.ts). What it does not
 * implement (continued volumes, incremental dumps) it refuses with the remedy; what is malformed it
 * refuses too, since a guess would put a wrong tree on every node. The end mark of two blocks of
 * zeros may be cut short, as some writers and some copies of tapes have it: whether all of a
 * package is there, its digest says.
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
import { BLOCK, paddingOf } from './block.ts';
import { corrupt, unsupported } from './fault.ts';
import { BLANK, cString, headerName, isZero, number, ZERO } from './fields.ts';
import { decimal, FOREIGN_SPARSE, type PaxRecords, paxRecords, SPARSE } from './pax.ts';
import { gnuMap, paxMap, SparseContent, type SparseMap, speaksOfSparse } from './sparse.ts';

export type MemberType = 'file' | 'link' | 'symlink' | 'directory' | 'device' | 'fifo';

export interface Member {
  type: MemberType;
  /** Path as it stands in the archive, a binary string. */
  name: string;
  /** Target of a link or symlink, a binary string; empty for all else. */
  target: string;
  /** Permission bits including setuid, setgid and sticky. */
  mode: number;
  /** Bytes of content, holes included; 0 for all but files. */
  size: number;
  /** Seconds since the epoch, possibly with a fraction. */
  mtime: number;
}

/**
 * Called in the order of the archive: one `member`, then its `content` in pieces and between them
 * the holes of a sparse file, then `memberEnd`.
 */
export interface TarHandler {
  member(member: Member): void;
  /** The bytes are only valid during the call. */
  content(bytes: Uint8Array): void;
  /** So many bytes are zeros, which need not be stored; left out where contents do not matter. */
  hole?(bytes: number): void;
  memberEnd(): void;
}

/** Headers that describe the next member are kept in memory; a longer one is refused. */
const META_LIMIT = 1 << 20;
/** Zeros that may follow the end, in bytes: records are padded, but not without end. */
const TRAILER_LIMIT = 64 << 20;
/** Latest and earliest time in seconds that every interface here can carry (that of a Date). */
const TIME_LIMIT = 8_640_000_000_000;
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

/** Types of GNU tar that are known, but that no package is in need of. */
const UNREAD: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  M: ['is continued from another volume', 'repack all volumes as one archive'],
  D: ['is a directory of an incremental dump', 'repack without --incremental (-g)'],
  N: ['has a long name in a form of before 1990', 'repack with --format=pax'],
};
/** Where POSIX lets vendors have types of their own. */
const VENDOR = /^[A-Z]$/;

const NO_RECORDS: PaxRecords = new Map();

type Meta = 'x' | 'g' | 'L' | 'K';
type State = 'header' | 'content' | 'padding' | 'meta' | 'end';

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
  /** Whether anything has been read that an archive can consist of. */
  #hasBegun = false;
  /** Bytes that followed the end. */
  #trailer = 0;
  #meta: { kind: Meta; bytes: Buffer; fill: number } | undefined;
  /** Records for all following members, and for the next one only. */
  #global: PaxRecords = NO_RECORDS;
  #local: PaxRecords = NO_RECORDS;
  /** GNU's long name and long link target for the next member. */
  #longName: string | undefined;
  #longTarget: string | undefined;
  /** A sparse member whose map is still being read, with the bytes that it has stored. */
  #pending: { member: Member; map: SparseMap; stored: number } | undefined;
  /** The content of a sparse member. */
  #sparse: SparseContent | undefined;

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
    if (!isZero(bytes)) throw afterEnd();
    this.#trailer += bytes.length;
    if (this.#trailer > TRAILER_LIMIT) throw corrupt('there is no end to the zeros at its end');
  }

  /** Bytes of what the state reads, the last of them when none are left. */
  #take(piece: Buffer): void {
    const last = this.#left === 0;
    switch (this.#state) {
      case 'content':
        if (this.#sparse === undefined) this.#handler.content(piece);
        else this.#sparse.push(piece);
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

  /**
   * After the last byte.
   * @throws PythonMpiError CORRUPT_PACKAGE when the archive ends within a member, or never began
   */
  end(): void {
    const isBetween = this.#state === 'header' && this.#hasBegun && this.#pending === undefined;
    const announces = this.#local.size > 0 || (this.#longName ?? this.#longTarget) !== undefined;
    const isRest = isZero(this.#header.subarray(0, this.#headerFill));
    if (this.#state === 'end' || (isBetween && !announces && isRest)) return;
    throw corrupt('the archive ends too early');
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
    if (this.#pending !== undefined) {
      this.#pending.map.add(block);
      this.#beginSparse();
      return;
    }
    this.#hasBegun = true;
    if (block[0] === 0 && isZero(block)) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#state = 'end';
      return;
    }
    if (this.#zeroBlocks > 0) throw afterEnd();
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
    else if (kind === 'g') this.#addGlobal(paxRecords(bytes));
    else if (kind === 'L') this.#longName = cString(bytes, 0, bytes.length);
    else this.#longTarget = cString(bytes, 0, bytes.length);
    this.#skipPadding();
  }

  #addGlobal(records: PaxRecords): void {
    if (speaksOfSparse(records)) throw corrupt('a global pax header speaks of a sparse file');
    this.#global = new Map([...this.#global, ...records]);
  }

  #beginMember(block: Buffer, kind: string, headerSize: number): void {
    const sparseName = this.#pax(`${SPARSE}name`);
    const name = sparseName ?? this.#pax('path') ?? this.#longName ?? headerName(block);
    const paxTarget = this.#pax('linkpath') ?? this.#longTarget;
    const paxSize = this.#pax('size');
    const paxTime = this.#pax('mtime');
    const foreign = FOREIGN_SPARSE.some(key => this.#pax(key) !== undefined);
    // GNU's magic: others have given the type another meaning.
    const isGnuSparse = kind === 'S' && block.toString('latin1', 257, 263) === 'ustar ';
    if (foreign || (kind === 'S' && !isGnuSparse)) {
      throw unsupported(
        `${printable(name)} is a sparse file in a form of Solaris or star`,
        'repack with GNU tar or bsdtar, or without sparse files',
      );
    }
    const map = isGnuSparse ? gnuMap(block) : paxMap(key => this.#pax(key));
    this.#local = NO_RECORDS;
    this.#longName = undefined;
    this.#longTarget = undefined;

    let type = isGnuSparse ? 'file' : TYPES[kind];
    if (type === undefined) throw unreadable(name, kind);
    // Before ustar, a directory was a file whose name ends in a slash.
    if (type === 'file' && name.endsWith('/')) type = 'directory';
    // What the others announce as size is the target's size or none at all: no content follows.
    const stored = type === 'file' ? (paxSize === undefined ? headerSize : decimal(paxSize)) : 0;
    const size = type === 'file' && map !== undefined ? map.size : stored;
    for (const bytes of [stored, size]) {
      if (!Number.isSafeInteger(bytes) || bytes < 0)
        throw corrupt(`${printable(name)} has no size`);
    }
    const mtime = paxTime === undefined ? number(block, 136, 12, 'time') : decimal(paxTime);
    if (!(Math.abs(mtime) <= TIME_LIMIT)) throw corrupt(`${printable(name)} has no time`);
    const member: Member = {
      type,
      name,
      target: type === 'link' || type === 'symlink' ? (paxTarget ?? cString(block, 157, 100)) : '',
      mode: number(block, 100, 8, 'mode') & 0o7777,
      size,
      mtime,
    };
    if (type === 'file' && map !== undefined) {
      this.#pending = { member, map, stored };
      this.#beginSparse();
    } else {
      this.#handler.member(member);
      this.#beginContent(stored);
    }
  }

  /** Begins a sparse member, once its map is complete. */
  #beginSparse(): void {
    const { member, map, stored } = this.#pending!;
    const content = stored - map.contentBlocks * BLOCK;
    if (content < (map.isComplete ? 0 : 1)) {
      throw corrupt(`${printable(member.name)} has a sparse map that does not end`);
    }
    if (!map.isComplete) return;
    this.#pending = undefined;
    this.#sparse = new SparseContent(map, content, this.#handler);
    this.#handler.member(member);
    this.#beginContent(content);
  }

  #beginContent(stored: number): void {
    this.#left = stored;
    this.#padding = paddingOf(stored);
    if (stored > 0) this.#state = 'content';
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
    this.#sparse?.end();
    this.#sparse = undefined;
    this.#handler.memberEnd();
    this.#skipPadding();
  }

  #skipPadding(): void {
    this.#left = this.#padding;
    this.#state = this.#left > 0 ? 'padding' : 'header';
  }
}

function afterEnd() {
  return corrupt(
    'there are bytes after the end',
    'where archives were put behind each other, give each as a package of its own',
  );
}

/** A member of a type that is not read here. */
function unreadable(name: string, kind: string) {
  const known = UNREAD[kind];
  if (known !== undefined) return unsupported(`${printable(name)} ${known[0]}`, known[1]);
  const what = `${printable(name)} is of an unknown type (${printable(kind)})`;
  return VENDOR.test(kind) ? unsupported(what, 'repack with tar --format=pax') : corrupt(what);
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

/**
 * The few things of an ELF file that decide where its libraries are looked for: elf(5), dynamic
 * section.
 *
 * Only 64-bit little-endian files, which is what x86-64, AArch64 and ppc64le have. Pure: bytes in,
 * facts out.
 */

export interface SearchPath {
  /** Where its string lies in the file. */
  offset: number;
  /** Colon-separated directories; `$ORIGIN` is the directory of the file itself. */
  value: string;
}

export interface Dynamic {
  /** Names of the libraries it needs directly. */
  needed: string[];
  /** DT_RPATH and DT_RUNPATH, where present. */
  searchPaths: SearchPath[];
}

/** Bytes of a file from an offset on; fewer where it ends. */
export type ReadAt = (offset: number, length: number) => Buffer;

const HEADER = 64;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
/** Bytes that are read of a string at a time; search paths can be long. */
const STRING_PIECE = 256;

export function isElf(file: Buffer): boolean {
  return file.length >= HEADER && file.readUInt32BE(0) === 0x7f454c46;
}

/** What the dynamic section says, or undefined for anything that has none or is damaged. */
export function readDynamic(file: Buffer): Dynamic | undefined {
  return readDynamicAt((offset, length) => file.subarray(offset, offset + length));
}

/** {@link readDynamic} of a file that need not be read as a whole. */
export function readDynamicAt(read: ReadAt): Dynamic | undefined {
  try {
    const header = read(0, HEADER);
    if (!isElf(header) || header[4] !== 2 || header[5] !== 1) return undefined;
    return dynamicOf(header, read);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a table that leaves the file
    throw error;
  }
}

function dynamicOf(header: Buffer, read: ReadAt): Dynamic | undefined {
  const [entry, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
  const table = read(word(header, 32), entry * count);
  const segments = Array.from({ length: count }, (_, i) => ({
    type: table.readUInt32LE(i * entry),
    offset: word(table, i * entry + 8),
    address: word(table, i * entry + 16),
    size: word(table, i * entry + 32),
  }));
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return undefined;

  const section = read(dynamic.offset, dynamic.size);
  const tags: { tag: number; value: number }[] = [];
  for (let at = 0; at < dynamic.size; at += 16) {
    const tag = word(section, at);
    if (tag === DT_NULL) break;
    tags.push({ tag, value: word(section, at + 8) });
  }
  const names = tags.find(({ tag }) => tag === DT_STRTAB)?.value;
  const home = segments.find(
    ({ type, address, size }) =>
      type === PT_LOAD && names !== undefined && names >= address && names < address + size,
  );
  if (names === undefined || home === undefined) return undefined;

  const strings = names - home.address + home.offset;
  return {
    needed: tags
      .filter(({ tag }) => tag === DT_NEEDED)
      .map(({ value }) => text(read, strings + value)),
    searchPaths: tags
      .filter(({ tag }) => tag === DT_RPATH || tag === DT_RUNPATH)
      .map(({ value }) => ({ offset: strings + value, value: text(read, strings + value) })),
  };
}

function word(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

/** The string that begins at an offset. */
function text(read: ReadAt, offset: number): string {
  let found = '';
  for (let at = offset; ; at += STRING_PIECE) {
    const piece = read(at, STRING_PIECE);
    const end = piece.indexOf(0);
    found += piece.toString('latin1', 0, end < 0 ? piece.length : end);
    if (end >= 0) return found;
    if (piece.length < STRING_PIECE) throw new RangeError('a string that leaves the file');
  }
}

/**
 * The file with one search path replaced, or undefined when the new one is longer and so does not
 * fit in place. What is left of the old string stays behind the new end: linkers let other strings
 * share its tail.
 */
export function withSearchPath(file: Buffer, old: SearchPath, value: string): Buffer | undefined {
  if (Buffer.byteLength(value, 'latin1') > old.value.length) return undefined;
  const changed = Buffer.from(file);
  changed.write(`${value}\0`, old.offset, 'latin1');
  return changed;
}

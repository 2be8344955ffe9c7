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

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

export function isElf(file: Buffer): boolean {
  return file.length > 64 && file.readUInt32BE(0) === 0x7f454c46;
}

/** What the dynamic section says, or undefined for anything that has none or is damaged. */
export function readDynamic(file: Buffer): Dynamic | undefined {
  if (!isElf(file) || file[4] !== 2 || file[5] !== 1) return undefined;
  try {
    return dynamicOf(file);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a table that leaves the file
    throw error;
  }
}

function dynamicOf(file: Buffer): Dynamic | undefined {
  const word = (at: number) => Number(file.readBigUInt64LE(at));
  const segments = Array.from({ length: file.readUInt16LE(56) }, (_, i) => {
    const at = word(32) + i * file.readUInt16LE(54);
    return {
      type: file.readUInt32LE(at),
      offset: word(at + 8),
      address: word(at + 16),
      size: word(at + 32),
    };
  });
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return undefined;

  const tags: { tag: number; value: number }[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = word(at);
    if (tag === DT_NULL) break;
    tags.push({ tag, value: word(at + 8) });
  }
  const table = tags.find(({ tag }) => tag === DT_STRTAB)?.value;
  const home = segments.find(
    ({ type, address, size }) =>
      type === PT_LOAD && table !== undefined && table >= address && table < address + size,
  );
  if (table === undefined || home === undefined) return undefined;

  const strings = table - home.address + home.offset;
  const text = (at: number) => file.toString('latin1', at, file.indexOf(0, at));
  return {
    needed: tags.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => text(strings + value)),
    searchPaths: tags
      .filter(({ tag }) => tag === DT_RPATH || tag === DT_RUNPATH)
      .map(({ value }) => ({ offset: strings + value, value: text(strings + value) })),
  };
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

/**
 * The writer of tar headers, the counterpart of read.ts: for packages (bundle) and for copies
 * (bcast) alike. A header is one ustar block, behind a pax header for what ustar cannot say. Must
 * not know where members come from.
 *
 * Layout and numbers are the business of the package `tar`: its `Header` fills blocks, and its
 * `Pax` counts the length of records. Three things its types cannot say, and how they are said all
 * the same:
 *
 * - Names are bytes (see names.ts), but `Header` and `Pax` write strings as UTF-8. A record is made
 *   for a stand-in of as many ASCII characters, which then gives way to the bytes. The ustar block
 *   holds the name as far as it is UTF-8; where it is not plain ASCII, the record behind it is what
 *   counts.
 * - A `Date` ends at milliseconds. A time with a finer fraction is a record made of its text.
 * - A time before 1970 would be a number in base 256 in the ustar block, which not every tar reads:
 *   the block says 1970, and a record the time.
 *
 * Only the modules needed are imported: the package as a whole takes far longer to load.
 */
import { Header, type HeaderData } from 'tar/header';
import { Pax } from 'tar/pax';
import { BLOCK, paddingOf } from './block.ts';
import type { Member } from './read.ts';

const TYPES = { file: 'File', directory: 'Directory', symlink: 'SymbolicLink' } as const;

/**
 * What can be written: as {@link Member}, times as they come out of a division of whole
 * microseconds by 1e6.
 */
export type WritableMember = Member & { type: keyof typeof TYPES };

/** The end of an archive. */
export const END = Buffer.alloc(2 * BLOCK);

/** The header of a member, whole blocks; a file's content and its padding follow. */
export function tarHeader({ type, name, target, mode, size, mtime }: WritableMember): Buffer {
  const seconds = Math.max(0, Math.floor(mtime));
  const { block, isComplete } = ustar(
    { type: TYPES[type], path: text(name), linkpath: text(target), mode, size },
    seconds,
  );
  const records: string[] = [];
  if (!isComplete) {
    records.push(paxRecord('path', name), paxRecord('size', String(size)));
    if (type === 'symlink') records.push(paxRecord('linkpath', target));
  }
  if (!isComplete || mtime !== seconds) records.push(paxRecord('mtime', String(mtime)));
  if (records.length === 0) return block;
  const body = Buffer.from(records.join(''), 'latin1');
  const pax = ustar(
    { type: 'ExtendedHeader', path: 'pax', mode: 0o644, size: body.length },
    seconds,
  );
  return Buffer.concat([pax.block, body, padding(body.length), block]);
}

/** What fills the last block of `bytes` bytes of content. */
export function padding(bytes: number): Buffer {
  return Buffer.alloc(paddingOf(bytes));
}

/** A block, and whether it says all of `data`. Owners are root, by number. */
function ustar(data: HeaderData, seconds: number): { block: Buffer; isComplete: boolean } {
  const block = Buffer.alloc(BLOCK);
  const owner = { uid: 0, gid: 0, uname: '', gname: '' };
  const header = new Header({ ...data, ...owner, mtime: new Date(seconds * 1000) });
  // The package splits long names, and normalizes them on the way: `./` may come before one.
  const isComplete = !header.encode(block) && new Header(block).path === data.path;
  return { block, isComplete };
}

/** A record "LENGTH KEY=VALUE\n" of a pax header, a binary string. */
function paxRecord(key: 'path' | 'linkpath' | 'size' | 'mtime', value: string): string {
  const standIn = '.'.repeat(value.length);
  const record = new Pax({ [key]: standIn } as HeaderData).encodeField(key);
  return `${record.slice(0, -standIn.length - 1)}${value}\n`;
}

/** A binary string as text, where it is UTF-8. */
function text(name: string): string {
  return Buffer.from(name, 'latin1').toString();
}

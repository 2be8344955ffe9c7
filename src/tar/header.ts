/**
 * Tar headers, the counterpart of read.ts: ustar, behind a pax header for what ustar cannot say. Names go out as the
 * bytes they are. Layout: POSIX.1-2024, pax.
 */
import { BLOCK } from './read.ts';

const TYPES = { file: '0', directory: '5', symlink: '2' } as const;

/** What a header says of a member. */
export interface HeaderFields {
  kind: keyof typeof TYPES;
  /** A binary string. */
  path: string;
  /** Permission bits. */
  mode: number;
  /** Bytes of content that follow; 0 for all but files. */
  size: number;
  /** Microseconds since the epoch. */
  mtime: number;
  /** Text of a symlink, a binary string; empty for all else. */
  target: string;
}

/** Longest name in a ustar header; its `prefix` field is not used. */
const NAME_BYTES = 100;
/** Largest size that 11 octal digits hold. */
const MAX_SIZE = 0o77777777777;

/** The header of a member, whole blocks; a file's content and its padding follow. */
export function tarHeader({ kind, path, mode, size, mtime, target }: HeaderFields): Buffer {
  const seconds = Math.floor(mtime / 1e6);
  const records: string[] = [];
  const plain = (text: string) => /^[\x01-\x7f]*$/.test(text) && text.length <= NAME_BYTES;
  if (!plain(path)) records.push(paxRecord('path', path));
  if (!plain(target)) records.push(paxRecord('linkpath', target));
  if (size > MAX_SIZE) records.push(paxRecord('size', String(size)));
  if (mtime !== seconds * 1e6 || seconds < 0) records.push(paxRecord('mtime', decimal(mtime)));
  const block = ustar(TYPES[kind], path, mode, size, Math.max(0, seconds), target);
  if (records.length === 0) return block;
  const body = Buffer.from(records.join(''), 'latin1');
  return Buffer.concat([
    ustar('x', 'pax', 0o644, body.length, 0, ''),
    body,
    padding(body.length),
    block,
  ]);
}

/** What fills the last block of `bytes` bytes of content. */
export function padding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
}

/** The end of an archive. */
export const END = Buffer.alloc(2 * BLOCK);

function ustar(
  type: string,
  path: string,
  mode: number,
  size: number,
  seconds: number,
  target: string,
): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
  block.write(path, 0, NAME_BYTES, 'latin1');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size > MAX_SIZE ? 0 : size, 124, 12);
  octal(seconds, 136, 12);
  block.write(type, 156, 'latin1');
  block.write(target, 157, NAME_BYTES, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
}

/** Microseconds as decimal seconds, exactly. */
function decimal(microseconds: number): string {
  const sign = microseconds < 0 ? '-' : '';
  const digits = String(Math.abs(microseconds)).padStart(7, '0');
  return `${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/**
 * The records of a pax header, as bytes and as values. Knows which of them matter here; the others,
 * such as attributes and access control lists (SCHILY.xattr, LIBARCHIVE.xattr, SCHILY.acl), are
 * passed over in silence: a prefix needs none.
 */
import { corrupt } from './fault.ts';

export type PaxRecords = ReadonlyMap<string, string>;

/** Others are not kept: global ones would add up. */
const KEYS: ReadonlySet<string> = new Set(['path', 'linkpath', 'size', 'mtime']);
/** The records of a sparse file. */
export const SPARSE = 'GNU.sparse.';
/** Sparse files as Solaris and star write them. */
export const FOREIGN_SPARSE: readonly string[] = ['SUN.holesdata', 'SCHILY.realsize'];

/**
 * The "LENGTH KEY=VALUE\n" records that matter; LENGTH counts all of a record, so a value may
 * contain anything. GNU's format 0.0 says each run of a sparse file by two records of its own,
 * which are collected into the one record that 0.1 has for all.
 * @throws PythonMpiError CORRUPT_PACKAGE
 */
export function paxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  const runs: string[] = [];
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
    if (key === `${SPARSE}offset` || key === `${SPARSE}numbytes`) runs.push(value);
    else if (KEYS.has(key) || key.startsWith(SPARSE) || FOREIGN_SPARSE.includes(key)) {
      records.set(key, value);
    }
    at = end;
  }
  if (runs.length > 0) records.set(`${SPARSE}map`, runs.join(','));
  return records;
}

/** A value that is a number, possibly with a fraction. @throws PythonMpiError CORRUPT_PACKAGE */
export function decimal(digits: string): number {
  if (!/^-?\d+(\.\d*)?$/.test(digits)) throw corrupt('a pax record has a malformed number');
  return Number(digits);
}

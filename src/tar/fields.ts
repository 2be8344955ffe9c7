/**
 * The fields of a tar header block: texts that end with a NUL, and numbers in octal or base 256.
 * Must not know what a field is for.
 */
import { corrupt } from './fault.ts';

/** ASCII. */
export const BLANK = 0x20;
export const ZERO = 0x30;

/** Whether there is nothing but zeros. */
export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** A field up to its first NUL, or all of it, as a binary string. */
export function cString(bytes: Buffer, start: number, length: number): string {
  const nul = bytes.indexOf(0, start);
  const end = nul === -1 ? start + length : Math.min(nul, start + length);
  return bytes.toString('latin1', start, end);
}

/**
 * A numeric field: octal digits between blanks or NULs, or GNU's base-256 when bit 7 of it is set.
 * @throws PythonMpiError CORRUPT_PACKAGE, calling the field `what`
 */
export function number(block: Buffer, start: number, length: number, what: string): number {
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

/** `name`, and before it ustar's `prefix`; GNU's own magic ("ustar  ") has other things there. */
export function headerName(block: Buffer): string {
  const name = cString(block, 0, 100);
  // "ustar" and a NUL; most names need no prefix.
  if (block[345] === 0 || block[262] !== 0 || block.toString('latin1', 257, 262) !== 'ustar')
    return name;
  return `${cString(block, 345, 155)}/${name}`;
}

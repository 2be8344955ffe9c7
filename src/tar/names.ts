/**
 * Names in archives and file systems are bytes, and no encoding is promised. They are carried as
 * "binary strings", one character of U+0000..U+00FF per byte: exact, comparable, splittable at '/',
 * and plain ASCII looks like itself.
 */

/** A binary string as the argument of a system call: exactly its bytes. */
export function osPath(binary: string): string | Buffer {
  return /[\x80-\xff]/.test(binary) ? Buffer.from(binary, 'latin1') : binary;
}

/** A path of this machine, as Node decodes it, as a binary string. */
export function binaryPath(path: string): string {
  return Buffer.from(path).toString('latin1');
}

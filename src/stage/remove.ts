/**
 * Removes a tree, whatever its permissions.
 */
import fs from 'node:fs';
import { isErrno } from './system-error.ts';

/**
 * Removes a directory and all in it; nothing there is success. A directory of the tree may be
 * read-only; another process may be removing the same tree.
 * @throws what the system call said when it cannot be removed
 */
export function removeTree(directory: string): void {
  try {
    remove(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTEMPTY')) remove(directory);
    else if (isErrno(error, 'EACCES') || isErrno(error, 'EPERM')) {
      makeWritable(directory);
      remove(directory);
    } else throw error;
  }
}

function remove(directory: string): void {
  fs.rmSync(directory, { recursive: true, force: true });
}

/** Names are taken as bytes: they need not be valid UTF-8. */
function makeWritable(directory: string | Buffer): void {
  fs.chmodSync(directory, 0o700);
  const prefix = Buffer.concat([Buffer.from(directory), Buffer.from('/')]);
  for (const entry of fs.readdirSync(directory, { withFileTypes: true, encoding: 'buffer' })) {
    if (entry.isDirectory()) makeWritable(Buffer.concat([prefix, entry.name]));
  }
}

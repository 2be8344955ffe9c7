/**
 * What lies at a path: every item of a tree with what makes two trees the same. As rsync does,
 * files are taken to be the same when path, kind, permissions, size and time of change are;
 * contents are not read.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { binaryPath, osPath } from '../../tar/names.ts';
import { isErrno } from '../system-error.ts';

/** Permissions that count. setuid, setgid and sticky bits are never carried to another machine. */
export const PERMISSIONS = 0o777;

export interface Item {
  kind: 'file' | 'directory' | 'symlink' | 'other';
  /** Below the inventory's root; a binary string. */
  path: string;
  mode: number;
  /** Bytes; 0 for all but files. */
  size: number;
  /** Microseconds since the epoch: what survives being set through a double. */
  mtime: number;
  /** Text of a symlink, a binary string. */
  target: string;
}

/**
 * The items at `name` in `directory`, each directory before what is in it, in byte order; empty
 * when there is nothing.
 * @param as first component of the items' paths
 * @throws what the system call said, with the path in it
 */
export function takeInventory(directory: string, name: string, as = name): Item[] {
  const items: Item[] = [];
  const visit = (real: string, path: string) => {
    const item = look(real, path);
    items.push(item);
    if (item.kind !== 'directory') return;
    const names = fs.readdirSync(osPath(real), { encoding: 'latin1' }).sort();
    for (const child of names) visit(`${real}/${child}`, `${path}/${child}`);
  };
  try {
    visit(binaryPath(`${directory}/${name}`), binaryPath(as));
  } catch (error) {
    if (items.length > 0 || !(isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR'))) throw error;
  }
  return items;
}

function look(real: string, path: string): Item {
  const stat = fs.lstatSync(osPath(real), { bigint: true });
  const kind = kindOf(stat);
  return {
    kind,
    path,
    // Those of a symlink mean nothing.
    mode: kind === 'symlink' ? PERMISSIONS : Number(stat.mode) & PERMISSIONS,
    size: kind === 'file' ? Number(stat.size) : 0,
    mtime: Number((stat.mtimeNs + 500n) / 1000n),
    target: kind === 'symlink' ? fs.readlinkSync(osPath(real), { encoding: 'latin1' }) : '',
  };
}

function kindOf(stat: fs.BigIntStats): Item['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'symlink' : 'other';
}

/** Whether two items, of the same path, are the same. */
export function isSame(a: Item, b: Item): boolean {
  return lineOf(a) === lineOf(b);
}

/** Of two inventories the same exactly when all items are. @returns 64 hexadecimal digits */
export function inventoryDigest(items: readonly Item[]): string {
  const hash = createHash('sha256');
  for (const item of items) hash.update(lineOf(item));
  return hash.digest('hex');
}

function lineOf({ kind, path, mode, size, mtime, target }: Item): string {
  return `${JSON.stringify([kind, path, mode, size, mtime, target])}\n`;
}

/**
 * Files and directories at the root, as what is sent of them: all that nodes do not hold yet.
 */
import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { binaryPath } from '../../tar/names.ts';
import { KEPT, TREE } from './copy-draft.ts';
import { type Item, inventoryDigest, isSame, takeInventory } from './inventory.ts';
import { type Load, TreeSource, unreadable } from './tree-source.ts';

/**
 * Opens files and directories for sending.
 * @param sources absolute paths; a symlink stands for what it leads to, those below stay symlinks
 * @param names under which they are published, in the same order
 * @param base what all nodes hold of these names
 * @returns the stream, and the identity of the copy: the digest of its inventory
 * @throws PythonMpiError PACKAGE_UNREADABLE, CORRUPT_PACKAGE
 */
export async function packTrees(
  sources: readonly string[],
  names: readonly string[],
  base: readonly Item[],
): Promise<{ source: TreeSource; content: string }> {
  const items: Item[] = [];
  const loads: Load[] = [];
  for (const [index, path] of sources.entries()) {
    const name = names[index]!;
    const { found, real } = inventoryOf(path, name);
    items.push(...found);
    const root = binaryPath(real);
    const from = binaryPath(name).length;
    for (const item of found) loads.push({ item, content: root + item.path.slice(from) });
  }
  const held = new Map(base.map(item => [item.path, item]));
  const isKept = ({ item }: Load) => {
    const old = held.get(item.path);
    return item.kind === 'file' && old !== undefined && isSame(item, old);
  };
  const stream = [
    listOf(loads.filter(isKept).map(({ item }) => item.path)),
    ...loads
      .filter(load => !isKept(load))
      .map(({ item, content }) => ({ item: { ...item, path: `${TREE}/${item.path}` }, content })),
  ];
  const source = await TreeSource.open('of files', stream);
  return { source, content: inventoryDigest(items) };
}

/** The items of one source, and where it really is. */
function inventoryOf(path: string, name: string): { found: Item[]; real: string } {
  try {
    const real = realpathSync.native(path);
    return { found: takeInventory(dirname(real), basename(real), name), real };
  } catch (error) {
    throw unreadable(binaryPath((error as NodeJS.ErrnoException).path ?? path), error);
  }
}

function listOf(kept: readonly string[]): Load {
  const content = Buffer.from(JSON.stringify(kept));
  const { length: size } = content;
  return { item: { kind: 'file', path: KEPT, mode: 0o600, size, mtime: 0, target: '' }, content };
}

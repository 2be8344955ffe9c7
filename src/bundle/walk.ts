/**
 * Reads a directory tree of this machine into a package tree.
 *
 * Links to what is taken along stay links, made relative; a link to anything else would dangle on
 * the node, so what it points to is taken in its place. Byte code is never taken: it is made anew.
 */

import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path/posix';
import { type Context, checkCancelled } from './context.ts';
import { linkAt, namesIn, readable, realPath } from './disk.ts';
import type { Exclusion } from './exclude.ts';
import { onDisk } from './filename.ts';
import { type Layer, locate, type Origin, type Tree } from './tree.ts';

export interface Walk {
  tree: Tree;
  layer: Layer;
  /** What is taken along by this walk or its siblings: decides which links stay links. */
  taken: readonly Origin[];
  exclusion: Exclusion;
  /** Paths of the package that this source never brings. */
  omit?: RegExp;
  context: Context;
}

/**
 * Adds `from` (a file or a directory) at `at`.
 * @throws PythonMpiError PACKAGE_UNREADABLE naming what cannot be read
 */
export async function walk(from: string, at: string, options: Walk): Promise<void> {
  await visit(from, at, options, []);
}

/**
 * @param chain real directories being visited, so that a link to one of them does not go round for
 *   ever
 */
async function visit(
  from: string,
  at: string,
  options: Walk,
  chain: readonly string[],
): Promise<void> {
  const { tree, layer, taken, exclusion, context } = options;
  checkCancelled(context.signal);
  const info = await readable(from, lstat(onDisk(from)));
  if (options.omit?.test(at)) return;
  const directory = info.isDirectory();
  if (at !== '' && (directory ? exclusion.prunes(at) : exclusion.drops(at))) return;
  if (info.isSymbolicLink()) {
    const pointed = resolve(dirname(from), await readable(from, linkAt(from)));
    const target = await stat(onDisk(from)).catch(() => undefined);
    if (target === undefined) {
      context.warn(`${from} points to ${pointed}, which does not exist; left out`);
      return;
    }
    const inside = locate(pointed, taken);
    if (inside !== undefined && exclusion.match(inside) === undefined && inside !== at) {
      tree.put({ kind: 'link', path: at, layer, target: relative(dirname(at), inside) || '.' });
    } else {
      await visitReal(await realPath(from), target, at, options, chain);
    }
  } else {
    await visitReal(from, info, at, options, chain);
  }
}

async function visitReal(
  from: string,
  info: Stats,
  at: string,
  options: Walk,
  chain: readonly string[],
): Promise<void> {
  const { tree, layer, context } = options;
  if (info.isFile()) {
    tree.put({
      kind: 'file',
      path: at,
      layer,
      executable: (info.mode & 0o111) !== 0,
      content: from,
    });
  } else if (info.isDirectory()) {
    const real = await readable(from, realPath(from));
    if (chain.includes(real)) {
      context.warn(`${from} leads back to a directory above it; left out`);
      return;
    }
    const names = await readable(from, namesIn(from));
    if (names.length === 0 && at !== '') tree.putDirectory(at);
    await Promise.all(
      names
        .filter(name => name !== '__pycache__')
        .map(name => visit(join(from, name), join(at, name), options, [...chain, real])),
    );
  } else {
    context.warn(`${from} is neither a file nor a directory; left out`);
  }
}

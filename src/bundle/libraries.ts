/**
 * Shared libraries outside the package that files inside it are linked to.
 *
 * Resolved as ld.so(8) would: the file's own RPATH or RUNPATH, LD_LIBRARY_PATH, the loader's cache,
 * the default directories. What a program opens by name at run time (dlopen, ctypes) is not written
 * anywhere and not found.
 */

import { basename, dirname, isAbsolute, join } from 'node:path/posix';
import { readDynamic } from '../elf.ts';
import { contentOf, firstExisting, readable, realPath } from './disk.ts';
import type { Collection } from './source.ts';
import { type Layer, locate } from './tree.ts';

export interface Library {
  /** The name it is looked for by. */
  name: string;
  /** Where it is now, links resolved. */
  file: string;
}

const SYSTEM_DIRECTORIES = ['/lib', '/lib64', '/usr/lib', '/usr/lib64'];

/**
 * Libraries that must be the node's own: they belong to its loader and kernel, or to its GPU
 * driver.
 */
const NAMES_OF_THE_NODE =
  'c|m|mvec|pthread|dl|rt|resolv|util|nsl|anl|crypt|BrokenLocale|thread_db|nss_\\w+|' +
  'cuda|nvidia-[\\w-]+';
const OF_THE_NODE = new RegExp(`^(?:ld-linux.*|linux-vdso|lib(?:${NAMES_OF_THE_NODE}))\\.so`);

/** Whether a library comes with the operating system, as found in the loader's own directories. */
export function isSystem(path: string): boolean {
  return SYSTEM_DIRECTORIES.some(directory => path.startsWith(`${directory}/`));
}

/**
 * All libraries that the collected files need, directly or through each other, are not in the
 * package yet, and `accept`.
 * @param accept decides by the path at which the loader finds it
 * @returns also the names that are needed and found nowhere
 */
export async function librariesOf(
  { tree, layers, context }: Collection,
  accept: (path: string) => boolean,
): Promise<{ found: Library[]; missing: string[] }> {
  const origins = layers.flatMap(layer => layer.origins);
  const present = new Set(tree.files().map(({ path }) => basename(path)));
  const bundled = (path: string) => {
    const at = locate(path, origins);
    return at !== undefined && tree.get(at) !== undefined;
  };
  const cache = await loaderCache(context.run);
  const general = [...(context.env.LD_LIBRARY_PATH ?? '').split(':').filter(isAbsolute)];
  const found = new Map<string, Library>();
  const missing = new Set<string>();
  const pending = tree
    .files()
    .filter(
      ({ path, executable }) =>
        /\.so(?:\.|$)/.test(path) || (executable && path.startsWith('bin/')),
    )
    .flatMap(({ content }) => (typeof content === 'string' ? [content] : []));

  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const dynamic = readDynamic(await readable(file, contentOf(file)));
    const own = (dynamic?.searchPaths ?? [])
      .flatMap(({ value }) => value.split(':'))
      .map(path => path.replace(/\$\{?ORIGIN\}?/, dirname(file)));
    for (const name of dynamic?.needed ?? []) {
      if (OF_THE_NODE.test(name) || found.has(name)) continue;
      const candidates = [...own, ...general].map(directory => join(directory, name));
      const path = await firstExisting([
        ...candidates,
        ...(cache.get(name) ?? []),
        ...SYSTEM_DIRECTORIES.map(d => join(d, name)),
      ]);
      if (path === undefined) {
        if (!present.has(name)) missing.add(name);
      } else if (!bundled(path) && accept(path)) {
        const real = await realPath(path);
        found.set(name, { name, file: real });
        pending.push(real);
      }
    }
  }
  return { found: [...found.values()], missing: [...missing].sort() };
}

/** Takes libraries along under the names they are looked up by, in the prefix's lib/. */
export function putLibraries(
  { tree }: Collection,
  libraries: readonly Library[],
  layer: Layer,
): void {
  for (const { name, file } of libraries) {
    tree.put({ kind: 'file', path: `lib/${name}`, layer, executable: true, content: file });
  }
}

/** Library name -> paths, from `ldconfig -p`; empty where that does not exist. */
async function loaderCache(run: Collection['context']['run']): Promise<Map<string, string[]>> {
  const cache = new Map<string, string[]>();
  const listing = await run('/sbin/ldconfig', ['-p']).catch(() => undefined);
  for (const [, name, path] of (listing?.stdout ?? '').matchAll(/^\s+(\S+) \(.*\) => (\S+)$/gm)) {
    cache.set(name!, [...(cache.get(name!) ?? []), path!]);
  }
  return cache;
}

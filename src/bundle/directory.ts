/**
 * Plain directories of the user's, and how Python finds what is in them. Knows where Python looks
 * in a prefix; nothing of where prefixes are.
 */
import { basename, dirname, join, relative } from 'node:path/posix';
import { naming } from './context.ts';
import { checkDirectory, originsOf } from './disk.ts';
import type { Interpreter } from './interpreter.ts';
import { type Collection, labelOf, type Source } from './source.ts';
import type { Layer } from './tree.ts';
import { walk } from './walk.ts';

type DirectorySource = Extract<Source, { kind: 'directory' }>;

/** Where Python looks, and the directories of packages below. */
const SEARCHED = /^lib(?:64)?\/python3[^/]*(?:\/|$)/;
/** Where code is meant to be, if Python does not look there. */
const MEANT = /^(?:lib(?:64)?(?:\/|$)|$)/;
const MODULE = /^[A-Za-z_]\w*\.py$|^[A-Za-z_]\w*\/__init__\.py$/;

/**
 * Adds a directory as it is.
 * @throws PythonMpiError PACKAGE_UNREADABLE when there is none, USAGE for a file
 */
export async function addDirectory(source: DirectorySource, collection: Collection): Promise<void> {
  await checkDirectory(source.directory);
  const origins = await originsOf(source.directory, source.at);
  const layer: Layer = { label: labelOf(source), origins };
  collection.layers.push(layer);
  await walk(origins.at(-1)!.from, source.at, { ...collection, layer, taken: origins });
}

/**
 * Makes a package (a directory with `__init__.py`) that was put where Python does not look known
 * where it does, by a link. Of other modules the user is told where they would be found.
 * @param interpreter the Python that will import them
 */
export function linkPackages(
  sources: readonly Source[],
  { series }: Interpreter,
  { tree, context }: Collection,
): void {
  const site = `lib/python${series}/site-packages`;
  for (const source of sources) {
    if (source.kind !== 'directory' || SEARCHED.test(source.at)) continue;
    const { at } = source;
    const name = basename(at);
    const link = join(site, name);
    const isFree = tree.get(link) === undefined && !tree.directories().includes(link);
    if (at !== '' && tree.get(`${at}/__init__.py`) !== undefined) {
      if (/^[A-Za-z_]\w*$/.test(name) && isFree) {
        const layer: Layer = { label: labelOf(source), origins: [] };
        tree.put({ kind: 'link', path: link, layer, target: relative(dirname(link), at) });
      } else context.warn(`${at} cannot be imported: it cannot be linked to as ${link}`);
    } else if (MEANT.test(at)) {
      const modules = tree
        .files()
        .map(({ path }) => (at === '' ? path : relative(at, path)))
        .filter(path => MODULE.test(path));
      if (modules.length === 0) continue;
      context.warn(
        `Python does not look for ${naming(modules)} where ${labelOf(source)} puts them, ` +
          `but would in --at ${site}`,
      );
    }
  }
}

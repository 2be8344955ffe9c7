/**
 * Path configuration files, and the installs that are only a pointer to somewhere else.
 *
 * A `.pth` line naming a directory of the source itself is made relative; one naming a directory
 * elsewhere (an editable install, or a path that the user added) is replaced by that directory's
 * modules. Loaders that build on import cannot be resolved to files and are refused by name.
 */

import { basename, dirname, join, relative, resolve } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import { contentOf, isDirectory, namesIn, originsOf, readable } from './disk.ts';
import type { Collection } from './source.ts';
import { type FileEntry, type Layer, locate } from './tree.ts';
import { walk } from './walk.ts';

const POINTER = /(?:^|\/)(?:site|dist)-packages\/[^/]+\.(?:pth|egg-link)$/;
/**
 * How deep in a directory of a path line code is looked for before it is held to be something else.
 */
const CODE_DEPTH = 3;

/**
 * Replaces every pointer of `layer` by what it points to.
 * @throws PythonMpiError NO_PACKAGE naming an editable install that has no files to take
 */
export async function resolveEditables(layer: Layer, collection: Collection): Promise<void> {
  for (const entry of collection.tree.files()) {
    if (entry.layer !== layer || !POINTER.test(entry.path) || typeof entry.content !== 'string')
      continue;
    const text = (await readable(entry.content, contentOf(entry.content))).toString();
    if (entry.path.endsWith('.egg-link')) collection.tree.delete(entry.path);
    else await resolvePth(entry, entry.content, text, collection);
  }
}

async function resolvePth(
  entry: FileEntry,
  file: string,
  text: string,
  collection: Collection,
): Promise<void> {
  const { tree, context } = collection;
  const kept: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const code = /^import[ \t]+(\w+)?/.exec(line);
    if (code?.[1] !== undefined && (await resolveFinder(entry, line, code[1], collection)))
      continue;
    if (code || line.trim() === '' || line.startsWith('#')) {
      kept.push(line);
      continue;
    }
    // As site.py does: relative to the directory that the file is in.
    const pointed = resolve(dirname(file), line.trim());
    const inside = locate(pointed, entry.layer.origins);
    if (inside !== undefined) kept.push(relative(dirname(entry.path), inside) || '.');
    else if (await isDirectory(pointed))
      await takeModules(pointed, dirname(entry.path), entry.layer, collection);
    else context.warn(`${file} points to ${pointed}, which does not exist; that line is left out`);
  }
  const content = kept.join('\n');
  if (content.trim() === '') tree.delete(entry.path);
  else if (content !== text) tree.put({ ...entry, content: Buffer.from(content) });
}

/** Loaders that build when they are imported: of scikit-build-core and meson-python. */
const BUILDER = /\b(__editable__\w*_finder|_?\w*_editable(?:_loader|_skbc\w*)?)\b/;
/** A string of Python, as its `repr` writes it. */
const STRING = String.raw`'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"`;

/**
 * Editable installs may be a module that maps names to places, as setuptools and `editables` (for
 * hatchling and pdm) write it; others hide theirs in a loader that builds.
 * @param module what `line` of the `.pth` file imports
 * @returns whether that is one, and has been resolved
 */
async function resolveFinder(
  entry: FileEntry,
  line: string,
  module: string,
  collection: Collection,
): Promise<boolean> {
  const site = dirname(entry.path);
  const path = `${site}/${module}.py`;
  const finder = collection.tree.get(path);
  const source =
    finder?.kind === 'file' && typeof finder.content === 'string'
      ? (await contentOf(finder.content)).toString()
      : '';
  const places = mappingOf(source);
  if (places === undefined) {
    if (!BUILDER.test(line)) return false;
    throw new PythonMpiError(
      'NO_PACKAGE',
      `${basename(entry.path)} is an editable install that builds when it is imported`,
      {
        hint: 'install that project without --editable, or leave it out with --exclude',
      },
    );
  }
  for (const [name, place] of places) {
    const at = `${site}/${name.replaceAll('.', '/')}`;
    const file = `${place.replace(/\.py$/, '')}.py`;
    if (await isDirectory(place)) await take(place, at, entry.layer, collection);
    else await take(file, `${at}.py`, entry.layer, collection);
  }
  collection.tree.delete(path);
  return true;
}

/** Modules and where they are: a directory for a package; undefined where nothing says so. */
function mappingOf(source: string): [name: string, place: string][] | undefined {
  const pairs = (text: string, pattern: string) =>
    [...text.matchAll(new RegExp(pattern, 'g'))].map(
      ([, name, place]) => [unquoted(name!), unquoted(place!)] as [string, string],
    );
  const mapping = /^MAPPING\b[^={]*=\s*(\{[^}]*\})/m.exec(source)?.[1];
  if (mapping !== undefined) return pairs(mapping, `(${STRING})\\s*:\\s*(${STRING})`);
  const mapped = pairs(source, `\\bmap_module\\(\\s*(${STRING})\\s*,\\s*(${STRING})\\s*\\)`);
  if (mapped.length === 0) return undefined;
  return mapped.map(([name, place]) => [name, place.replace(/\/__init__\.py$/, '')]);
}

function unquoted(string: string): string {
  return string.slice(1, -1).replace(/\\(.)/g, '$1');
}

/**
 * Takes what an import from `directory` could find: modules, packages, and directories of packages.
 */
async function takeModules(
  directory: string,
  site: string,
  layer: Layer,
  collection: Collection,
): Promise<void> {
  for (const name of (await readable(directory, namesIn(directory))).sort()) {
    const path = join(directory, name);
    const module = /^[A-Za-z_]\w*(?:\.py|\.[\w-]*\.?so)$/.test(name) && name !== 'setup.py';
    const metadata = /\.(?:egg|dist)-info$/.test(name);
    const code =
      /^[A-Za-z_]\w*$/.test(name) && name !== 'build' && (await holdsCode(path, CODE_DEPTH));
    if (module || metadata || code) await take(path, join(site, name), layer, collection);
  }
}

async function take(from: string, at: string, layer: Layer, collection: Collection): Promise<void> {
  const taken = await originsOf(from, at);
  layer.origins.push(...taken);
  await walk(from, at, { ...collection, layer, taken });
}

async function holdsCode(path: string, depth: number): Promise<boolean> {
  if (depth === 0 || !(await isDirectory(path))) return false;
  const names = await readable(path, namesIn(path));
  if (names.some(name => name.endsWith('.py'))) return true;
  for (const name of names) if (await holdsCode(join(path, name), depth - 1)) return true;
  return false;
}

/**
 * An installed Python prefix: what `--prefix` names, and the base of a virtual environment.
 *
 * A prefix of its own (conda, pyenv, uv, python.org, a module tree) is taken whole. In the
 * operating system's prefix Python is one tenant among many, so there only its own parts are taken.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import {
  checkDirectory,
  exists,
  firstExisting,
  isDirectory,
  namesIn,
  originsOf,
  readable,
} from './disk.ts';
import { resolveEditables } from './editable.ts';
import { askInterpreter, type Interpreter } from './interpreter.ts';
import { librariesOf, putLibraries } from './libraries.ts';
import { type Collection, labelOf } from './source.ts';
import type { Layer, Origin } from './tree.ts';
import { walk } from './walk.ts';

const SYSTEM_PREFIXES = ['/usr', '/usr/local'];

/** Adds a whole prefix, with its site-packages. */
export async function addPrefix(directory: string, collection: Collection): Promise<void> {
  const label = labelOf({ kind: 'prefix', directory });
  await checkDirectory(directory);
  const origins = await originsOf(directory, '');
  const root = origins.at(-1)!.from;
  if (await exists(join(root, 'pyvenv.cfg'))) {
    throw new PythonMpiError('USAGE', `${directory} is a virtual environment`, {
      hint: 'use --venv',
    });
  }
  const python = await firstExisting([join(root, 'bin/python3'), join(root, 'bin/python')]);
  const interpreter =
    python === undefined ? undefined : await askInterpreter(python, collection.context);
  if (interpreter !== undefined) collection.interpreters.push(interpreter);
  collection.programs.push(join(root, 'bin'));

  if (SYSTEM_PREFIXES.includes(root)) {
    const layer: Layer = { label, origins: [] };
    await addParts(root, layer, await parts(root, interpreter, true), collection);
    if (interpreter !== undefined) putPrograms(interpreter, layer, collection);
    return;
  }
  const layer: Layer = { label, origins: [...origins, ...(await placeholdersOf(root))] };
  collection.layers.push(layer);
  const before = collection.tree.size;
  await walk(root, '', { ...collection, layer, taken: origins });
  if (interpreter !== undefined) putPrograms(interpreter, layer, collection);
  if (collection.tree.size === before) {
    throw new PythonMpiError('NO_PACKAGE', `${directory} holds nothing to bundle`);
  }
  await resolveEditables(layer, collection);
}

/**
 * Adds an environment's base: interpreter, standard library and headers, and what of its own prefix
 * they are linked to.
 * @param sitePackages whether its installed packages come too
 */
export async function addBase(
  interpreter: Interpreter,
  sitePackages: boolean,
  collection: Collection,
): Promise<void> {
  const origins = await originsOf(interpreter.basePrefix, '');
  const root = origins.at(-1)!.from;
  const system = SYSTEM_PREFIXES.includes(root);
  const layer: Layer = { label: `base ${root}`, origins: system ? [] : origins };
  const taken = await parts(root, interpreter, sitePackages);
  await addParts(root, layer, taken, collection);
  putPrograms(interpreter, layer, collection);
  const { found } = await librariesOf(collection, path =>
    system ? /\/libpython3[^/]*$/.test(path) : path.startsWith(`${root}/`),
  );
  putLibraries(collection, found, layer);
  if (!system) await nameRest(root, taken, collection);
}

/**
 * Both names by which programs start Python, whatever the base has: without one of them a script
 * would get the system's. The interpreter compiles for what it runs.
 */
function putPrograms(interpreter: Interpreter, layer: Layer, collection: Collection): void {
  const { tree } = collection;
  collection.base = interpreter;
  const has = (name: string) => tree.get(`bin/${name}`) !== undefined;
  const there = ['python3', `python${interpreter.series}`, 'python'].find(has);
  if (there === undefined) return;
  for (const name of ['python3', 'python']) {
    if (!has(name)) tree.put({ kind: 'link', path: `bin/${name}`, layer, target: there });
  }
}

/**
 * Puts on record what of a base's own prefix is not Python's, and stays behind: what lies at its
 * top, and in lib/ (such as Tcl, which tkinter needs).
 */
async function nameRest(
  root: string,
  taken: readonly Part[],
  { tree, exclusion }: Collection,
): Promise<void> {
  const isTaken = (path: string) =>
    tree.get(path) !== undefined ||
    taken.some(({ from }) => from === path || from.startsWith(`${path}/`));
  for (const name of await readable(root, namesIn(root))) {
    if (name !== 'lib' && name !== 'bin' && !isTaken(name)) exclusion.record(`/${name}`);
  }
  const lib = join(root, 'lib');
  for (const name of (await isDirectory(lib)) ? await namesIn(lib) : []) {
    if (isTaken(`lib/${name}`)) continue;
    exclusion.record((await isDirectory(join(lib, name))) ? `/lib/${name}` : '/lib/*');
  }
}

/** A path below the base's prefix, and where in the package it goes. */
interface Part {
  from: string;
  at: string;
}

async function addParts(
  root: string,
  layer: Layer,
  found: readonly Part[],
  collection: Collection,
): Promise<void> {
  if (found.length === 0)
    throw new PythonMpiError('NO_PACKAGE', `no Python is installed in ${root}`);
  collection.layers.push(layer);
  const taken = found.map(({ from, at }) => ({ from: join(root, from), at }));
  for (const { from, at } of taken) await walk(from, at, { ...collection, layer, taken });
  await resolveEditables(layer, collection);
}

/** The paths below `root` that are Python's. */
async function parts(
  root: string,
  interpreter: Interpreter | undefined,
  sitePackages: boolean,
): Promise<Part[]> {
  const series = interpreter?.series ?? (await newestSeries(root));
  if (series === undefined) return [];
  const found: string[] = [];
  for (const program of ['python3', `python${series}`]) {
    if (await exists(join(root, 'bin', program))) found.push(`bin/${program}`);
  }
  for (const lib of ['lib', 'lib64']) {
    const library = `${lib}/python${series}`;
    if (!(await exists(join(root, library)))) continue;
    for (const name of await readable(join(root, library), readdir(join(root, library)))) {
      const site = name === 'site-packages' || name === 'dist-packages';
      if ((sitePackages || !site) && name !== '__pycache__') found.push(`${library}/${name}`);
    }
  }
  // Debian keeps packages for all its Pythons in one place.
  if (sitePackages && (await exists(join(root, 'lib/python3/dist-packages')))) {
    found.push('lib/python3/dist-packages');
  }
  return [...found.map(path => ({ from: path, at: path })), ...(await headers(root, series))];
}

/**
 * What compilers at run time (cffi, Cython, numba, torch.compile) look for: Python.h and others.
 */
async function headers(root: string, series: string): Promise<Part[]> {
  const own = `include/python${series}`;
  if (!(await exists(join(root, own)))) return [];
  const found: Part[] = [{ from: own, at: own }];
  // Debian's Python.h includes what depends on the machine from a directory of the machine's name:
  // put below its own, it is found whatever else the compiler searches.
  for (const name of await readable(join(root, 'include'), namesIn(join(root, 'include')))) {
    const machine = `include/${name}/python${series}`;
    if (/-linux-/.test(name) && (await exists(join(root, machine)))) {
      found.push({ from: machine, at: `${own}/${name}/python${series}` });
    }
  }
  return found;
}

/**
 * Stand-ins for the prefix that conda replaces on installation, and may have left in an environment
 * it did not finish.
 */
async function placeholdersOf(root: string): Promise<Origin[]> {
  const directory = join(root, 'conda-meta');
  const placeholders = new Set<string>();
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.endsWith('.json')) continue;
    const record = await readable(join(directory, name), readFile(join(directory, name), 'utf8'));
    for (const [, placeholder] of record.matchAll(/"prefix_placeholder":\s*"([^"]+)"/g)) {
      placeholders.add(placeholder!);
    }
  }
  return [...placeholders].map(from => ({ from, at: '' }));
}

async function newestSeries(root: string): Promise<string | undefined> {
  const names = await readdir(join(root, 'lib')).catch(() => []);
  const series = names.flatMap(name => /^python(3\.\d+)$/.exec(name)?.[1] ?? []);
  return series.sort((a, b) => Number(a.slice(2)) - Number(b.slice(2))).at(-1);
}

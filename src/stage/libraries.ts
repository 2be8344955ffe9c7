/**
 * Which shared libraries of a prefix are found by nothing but LD_LIBRARY_PATH.
 *
 * That variable reaches every program that Python starts, so it is only set where it is needed. An
 * interpreter whose search path still names the place where it was built gets one that is relative
 * to itself, so that its children need no variable either.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { type Dynamic, type ReadAt, readDynamicAt, withSearchPath } from '../elf.ts';
import { entriesOf, filesBelow } from './entries.ts';

/** No table that is of interest is longer, in bytes. */
const LONGEST_READ = 1 << 20;

/** Directories of a prefix that linkers look into. */
const DIRECTORIES = ['lib', 'lib64'];

/** Calls `use` with what reads a file; undefined where it cannot be opened. */
function withFile<Result>(file: string, use: (read: ReadAt) => Result): Result | undefined {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    return use((offset, length) => {
      const bytes = Buffer.alloc(Math.min(length, LONGEST_READ));
      return bytes.subarray(0, fs.readSync(descriptor, bytes, 0, bytes.length, offset));
    });
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Names of the libraries that lie in the prefix's own directories of libraries -> directory. */
function librariesOf(prefix: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of DIRECTORIES) {
    const directory = join(prefix, name);
    for (const library of entriesOf(directory, /\.so(\.|$)/)) found.set(library, directory);
  }
  return found;
}

/** The directories that a file looks into for its libraries, as far as it says so itself. */
function searched(file: string, { searchPaths }: Dynamic): string[] {
  return searchPaths
    .flatMap(({ value }) => value.split(':'))
    .map(directory => directory.replace(/\$ORIGIN|\$\{ORIGIN\}/g, dirname(file)))
    .map(directory => (directory.startsWith('/') ? join(directory, '.') : directory));
}

/** The libraries that a file needs, and finds in the prefix only if it is told where. */
function lacking(file: string, dynamic: Dynamic, prefix: string, own: Map<string, string>) {
  const directories = searched(file, dynamic).filter(path => path.startsWith(`${prefix}/`));
  return dynamic.needed.filter(
    name => own.has(name) && !directories.some(path => fs.existsSync(join(path, name))),
  );
}

/**
 * Lets an interpreter of a prefix find the prefix's libraries by itself, where its file has room
 * for that.
 * @param prefix real path of the tree, which is not in use yet
 * @param file real path of the interpreter in it
 */
export function relocateInterpreter(prefix: string, file: string): void {
  const own = librariesOf(prefix);
  const dynamic = withFile(file, readDynamicAt);
  if (dynamic === undefined || lacking(file, dynamic, prefix, own).length === 0) return;
  const places = [...new Set(dynamic.needed.flatMap(name => own.get(name) ?? []))];
  const up = dirname(file)
    .slice(prefix.length + 1)
    .replace(/[^/]+/g, '..');
  const value = places.map(place => `$ORIGIN/${up}${place.slice(prefix.length)}`).join(':');
  const [first] = dynamic.searchPaths;
  const changed = first && withSearchPath(fs.readFileSync(file), first, value);
  if (changed === undefined) return;
  // Byte code and the like know files by their times.
  const { atime, mtime, mode } = fs.statSync(file);
  fs.rmSync(file);
  fs.writeFileSync(file, changed, { mode, flag: 'wx' });
  fs.chmodSync(file, mode & 0o7777);
  fs.utimesSync(file, atime, mtime);
}

/**
 * The directories of libraries in which programs and modules of a prefix find something only
 * through LD_LIBRARY_PATH.
 * @param prefix real path of the tree
 * @param interpreter real path of the one that will run
 * @param modules directories of modules, searched with all below
 * @returns names relative to the prefix; none where every file says itself where its libraries are
 */
export function neededDirectories(
  prefix: string,
  interpreter: string,
  modules: readonly string[],
): string[] {
  const own = librariesOf(prefix);
  const needed = new Set<string>();
  if (own.size === 0) return [];
  const files = [interpreter, ...modules.flatMap(sharedObjects)];
  for (const file of files) {
    const dynamic = withFile(file, readDynamicAt);
    if (dynamic === undefined) continue;
    for (const name of lacking(file, dynamic, prefix, own)) needed.add(own.get(name)!);
  }
  return DIRECTORIES.filter(name => needed.has(join(prefix, name)));
}

/** All files below a directory that are called like shared objects. */
function sharedObjects(directory: string): string[] {
  return [...filesBelow(directory)].filter(path => /\.so(\.[^/]*)?$/.test(path));
}

/**
 * Where Python's own directories are in a prefix: told by names alone, whatever made the prefix.
 */
import fs from 'node:fs';
import { join } from 'node:path';

/** Names in a directory that match, sorted; none if it cannot be read. */
export function entriesOf(directory: string, pattern: RegExp): string[] {
  try {
    return fs
      .readdirSync(directory)
      .filter(name => pattern.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** Paths of all files below a directory, symlinks left out; what cannot be read has none. */
export function* filesBelow(directory: string): Generator<string> {
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    let entries: fs.Dirent[];
    try {
      entries = fs.readdirSync(next, { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile()) yield path;
    }
  }
}

/**
 * A directory of a Python's files in a prefix: `lib/python3.11`, `lib64/python3` and their like.
 */
export interface PythonDirectory {
  path: string;
  /** `3.11`, `3.13t`, or `3` for Debian's, which all versions share. */
  series: string;
}

/** The lib*\/python3* directories of a prefix, each once even if lib64 is a symlink to lib. */
export function pythonDirectories(prefix: string): PythonDirectory[] {
  const found = new Map<string, PythonDirectory>();
  const root = realPath(prefix);
  for (const lib of entriesOf(prefix, /^lib/)) {
    for (const name of entriesOf(join(prefix, lib), /^python3(\.\d+t?)?$/)) {
      const path = join(prefix, lib, name);
      const real = realPath(path);
      if (real?.startsWith(`${root}/`) && !found.has(real))
        found.set(real, { path, series: name.slice('python'.length) });
    }
  }
  return [...found.values()];
}

/** The site-packages and dist-packages of a prefix: those of its Pythons, and one at its top. */
export function siteDirectories(prefix: string): (PythonDirectory & { site: string })[] {
  const top = { path: prefix, series: '3' };
  return [top, ...pythonDirectories(prefix)].flatMap(directory =>
    entriesOf(directory.path, directory === top ? /^site-packages$/ : /^(site|dist)-packages$/).map(
      name => ({ ...directory, site: join(directory.path, name) }),
    ),
  );
}

/** A path without symlinks; undefined where it leads to nothing. */
export function realPath(path: string): string | undefined {
  try {
    return fs.realpathSync(path);
  } catch {
    return undefined;
  }
}

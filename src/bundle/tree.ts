/**
 * What will be in a package: paths relative to the prefix, each with where its content comes from.
 *
 * A tree is filled by sources in the order of the command line, and a later entry replaces an
 * earlier one, as unpacking over each other would do. Directories are those that entries need, and
 * empty ones. Knows nothing of Python or tar.
 */
import { dirname, join } from 'node:path/posix';
import { bytesOf } from './filename.ts';

/**
 * A directory of this machine and the path in the package (`''` is the prefix) at which its content
 * arrives.
 */
export interface Origin {
  from: string;
  at: string;
}

/** One source's part of the tree. */
export interface Layer {
  /** As the user knows it: `--venv env`. */
  label: string;
  /** Old locations, for relocation; empty when files of this layer are at home anywhere. */
  origins: Origin[];
}

export interface FileEntry {
  kind: 'file';
  path: string;
  layer: Layer;
  executable: boolean;
  /** An absolute path to read, or the content itself. */
  content: string | Buffer;
}

export interface LinkEntry {
  kind: 'link';
  path: string;
  layer: Layer;
  /** Relative to the link's own directory, and within the package. */
  target: string;
}

export type Entry = FileEntry | LinkEntry;

export class Tree {
  readonly #entries = new Map<string, Entry>();
  readonly #directories = new Set<string>();
  readonly #empty = new Set<string>();

  /** Adds an entry, replacing whatever stood in its way. */
  put(entry: Entry): void {
    for (const parent of parents(entry.path)) {
      this.#entries.delete(parent);
      this.#directories.add(parent);
    }
    if (this.#directories.delete(entry.path)) {
      for (const path of this.#entries.keys()) {
        if (path.startsWith(`${entry.path}/`)) this.#entries.delete(path);
      }
      for (const path of this.#empty) {
        if (path.startsWith(`${entry.path}/`)) this.#empty.delete(path);
      }
    }
    this.#empty.delete(entry.path);
    this.#entries.set(entry.path, entry);
  }

  /** Adds a directory that is to exist even if nothing is in it. */
  putDirectory(path: string): void {
    for (const above of [path, ...parents(path)]) {
      this.#entries.delete(above);
      this.#directories.add(above);
    }
    this.#empty.add(path);
  }

  get(path: string): Entry | undefined {
    return this.#entries.get(path);
  }

  delete(path: string): void {
    this.#entries.delete(path);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** All entries in byte order of their paths, whatever the order they came in. */
  sorted(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => compare(a.path, b.path));
  }

  /** Every file, in byte order. */
  files(): FileEntry[] {
    return this.sorted().filter(entry => entry.kind === 'file');
  }

  /** Every directory that an entry lives in or that was added, parents first. */
  directories(): string[] {
    const inside = [...this.#entries.keys(), ...this.#empty].flatMap(parents);
    const needed = new Set([...inside, ...this.#empty]);
    return [...needed].sort(compare);
  }
}

/**
 * Where in the package an absolute path of this machine arrives, or undefined when it is not taken
 * along.
 */
export function locate(path: string, origins: readonly Origin[]): string | undefined {
  for (const { from, at } of origins) {
    if (path === from) return at;
    if (path.startsWith(`${from}/`)) return join(at, path.slice(from.length + 1));
  }
  return undefined;
}

/** Byte order of UTF-8, which unlike `localeCompare` is the same on every machine. */
export function compare(a: string, b: string): number {
  return Buffer.compare(bytesOf(a), bytesOf(b));
}

/** `a/b/c` -> `a/b`, `a`. */
function parents(path: string): string[] {
  const found: string[] = [];
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) found.push(parent);
  return found;
}

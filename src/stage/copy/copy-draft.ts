/**
 * Copies in the making, beside where they will be, and how they take their names there.
 *
 *     <directory>/.python-mpi-bcast-<token>/
 *       lock         held by the maker for its life
 *       kept         files that are taken over from what is published: a JSON list of paths
 *       tree/        what is to be published, by name
 *       old/         what it replaces, while it is being replaced
 *
 * A draft whose lock can be taken is dead, and removed by the next copy there. rename(2) replaces a
 * file by a file at once; a directory has to be moved away first, so for an instant there is none.
 * No reader ever sees half of one.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { osPath } from '../../tar/names.ts';
import { KernelLock } from '../lock.ts';
import { removeTree } from '../remove.ts';
import { chrootError, isErrno } from '../system-error.ts';
import { freshToken } from '../user-directory.ts';

const PREFIX = '.python-mpi-bcast-';
/** What the stream of a copy brings: these two. */
export const KEPT = 'kept';
export const TREE = 'tree';

export class CopyDraft {
  /** Absolute path of a private directory. */
  readonly path: string;
  readonly #directory: string;
  /** The outermost directory that had to be made. */
  readonly #made: string | undefined;
  readonly #lock: KernelLock;

  /**
   * Begins a draft, and discards dead ones.
   * @param directory where its trees will be published, absolute; made if need be
   * @throws PythonMpiError NO_SPACE, CHROOT_UNUSABLE, SYSTEM, as all methods
   */
  constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, `${PREFIX}${freshToken()}`);
    try {
      this.#made = makeDirectories(directory);
      sweepDrafts(directory);
      fs.mkdirSync(this.path, { mode: 0o700 });
      // The name is new, so no process has the lock.
      this.#lock = KernelLock.take(join(this.path, 'lock'))!;
    } catch (error) {
      throw chrootError(error, `write in ${directory}`);
    }
  }

  /** Where the trees to be published are made, by name. */
  get tree(): string {
    return join(this.path, TREE);
  }

  /**
   * Takes files over from what is published, by hard links: no memory, no copy.
   * @param paths below the directory, binary strings; their directories are in the draft already
   */
  keep(paths: readonly string[]): void {
    const byDirectory = Map.groupBy(paths, path => path.slice(0, path.lastIndexOf('/') + 1));
    const at = (root: string, path: string) =>
      osPath(`${Buffer.from(root).toString('latin1')}/${path}`);
    try {
      for (const [directory, files] of byDirectory) {
        const parent = at(this.tree, directory);
        const { mode, mtimeNs } = fs.statSync(parent, { bigint: true });
        const seconds = Number((mtimeNs + 500n) / 1000n) / 1e6;
        fs.chmodSync(parent, 0o700);
        for (const file of files) fs.linkSync(at(this.#directory, file), at(this.tree, file));
        // A new name in a directory changes its time.
        if (directory === '') continue;
        fs.utimesSync(parent, seconds, seconds);
        fs.chmodSync(parent, Number(mode) & 0o777);
      }
    } catch (error) {
      throw chrootError(error, `take over what ${this.#directory} holds`);
    }
  }

  /** Gives the trees their names in the directory, and ends the draft. */
  publish(names: readonly string[]): void {
    try {
      for (const name of names) {
        const [from, to] = [join(this.tree, name), join(this.#directory, name)];
        const there = fs.lstatSync(to, { throwIfNoEntry: false });
        if (there !== undefined && (there.isDirectory() || fs.lstatSync(from).isDirectory())) {
          fs.mkdirSync(join(this.path, 'old'), { recursive: true });
          move(to, join(this.path, 'old', name));
        }
        move(from, to);
      }
    } catch (error) {
      restore(this.path, this.#directory);
      throw chrootError(error, `publish in ${this.#directory}`);
    } finally {
      this.#end();
    }
  }

  /** Ends the draft without a trace. */
  discard(): void {
    this.#end();
    if (this.#made === undefined) return;
    // Others may use what was made for it: only what is empty goes.
    for (let path = this.#directory; path.length >= this.#made.length; path = dirname(path)) {
      try {
        fs.rmdirSync(path);
      } catch {
        return;
      }
    }
  }

  #end(): void {
    try {
      removeTree(this.path);
    } catch (error) {
      throw chrootError(error, `remove ${this.path}`);
    } finally {
      this.#lock.release();
    }
  }
}

/**
 * Makes a directory and those above it that are missing. (Node's own way of doing this never
 * returns where a file system, such as /proc, says ENOENT to every mkdir.)
 * @returns the outermost one that was made
 */
function makeDirectories(path: string): string | undefined {
  if (fs.existsSync(path)) return undefined;
  const outer = makeDirectories(dirname(path));
  try {
    fs.mkdirSync(path, 0o755);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  return outer ?? path;
}

/**
 * Discards dead drafts in a directory, and puts back what one of them was about to
 * replace.
 */
export function sweepDrafts(directory: string): void {
  let names: string[];
  try {
    names = fs.readdirSync(directory).filter(name => name.startsWith(PREFIX));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw chrootError(error, `read ${directory}`);
  }
  for (const name of names) {
    const draft = join(directory, name);
    // Not there yet, or not any more.
    if (!fs.existsSync(join(draft, 'lock'))) continue;
    const lock = KernelLock.take(join(draft, 'lock'));
    if (lock === undefined) continue;
    try {
      restore(draft, directory);
      removeTree(draft);
    } catch (error) {
      throw chrootError(error, `remove ${draft}`);
    } finally {
      lock.release();
    }
  }
}

/** Puts back what was moved away and has not been replaced. */
function restore(draft: string, directory: string): void {
  const old = join(draft, 'old');
  if (!fs.existsSync(old)) return;
  for (const name of fs.readdirSync(old)) {
    const to = join(directory, name);
    if (fs.lstatSync(to, { throwIfNoEntry: false }) === undefined) move(join(old, name), to);
  }
}

/** rename(2), for which a directory must be writable if it gets another parent. */
function move(from: string, to: string): void {
  const stat = fs.lstatSync(from);
  const locked = stat.isDirectory() && (stat.mode & 0o200) === 0;
  if (locked) fs.chmodSync(from, stat.mode | 0o200);
  fs.renameSync(from, to);
  if (locked) fs.chmodSync(to, stat.mode);
}

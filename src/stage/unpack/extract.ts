/**
 * Puts the members of packages into a directory: carries out what the placement decided, nothing
 * else.
 *
 * Synchronous on purpose, in a thread of its own: a system call per member costs some 10 us, a hop
 * through the thread pool for each would cost five times that.
 */
import fs from 'node:fs';
import { binaryPath, osPath } from '../../tar/names.ts';
import { type Member, printable, type TarHandler } from '../../tar/read.ts';
import { chrootError } from '../system-error.ts';
import { Placement } from './placement.ts';

const NEW_FILE = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL;

/** What was put there, over all packages. */
export interface Extracted {
  /** Members that are no directories. */
  files: number;
  /** Bytes of content. */
  bytes: number;
}

interface Attributes {
  mode: number;
  mtime: number;
}

export class Extractor implements TarHandler {
  /** The directory with a trailing slash, as a binary string (see names.ts). */
  readonly #base: string;
  readonly #umask: number;
  readonly #placement: Placement;
  /** Applied last: a directory may be read-only, and each new file in it changes its mtime. */
  readonly #directories = new Map<string, Attributes>();
  readonly #extracted: Extracted = { files: 0, bytes: 0 };
  /**
   * The file that is being written. Only where a hole came has it a position: written from its end
   * on, it needs none.
   */
  #open: { fd: number; path: string; mtime: number; size: number; isSparse: boolean } | undefined;

  /**
   * @param directory absolute, empty, and written to by no other process
   * @param umask of the process, which a worker thread cannot ask for
   * @param permissions bits that are kept; default those of {@link Placement}
   */
  constructor(directory: string, umask: number, permissions?: number) {
    this.#placement = new Placement(permissions);
    this.#base = binaryPath(`${directory}/`);
    this.#umask = umask;
  }

  /** @throws PythonMpiError UNSAFE_PACKAGE, CORRUPT_PACKAGE, NO_SPACE, CHROOT_UNUSABLE, SYSTEM */
  member(member: Member): void {
    const step = this.#placement.add(member);
    const path = this.#path(step.path);
    try {
      for (const directory of step.missing) fs.mkdirSync(this.#path(directory), 0o755);
      if (step.replaces) fs.unlinkSync(path);
      switch (step.action) {
        case 'directory':
          // Which users may enter the prefix is not for a package to say.
          if (step.path !== '')
            this.#directories.set(step.path, { mode: step.mode, mtime: member.mtime });
          return;
        case 'file': {
          const fd = fs.openSync(path, NEW_FILE, step.mode);
          this.#open = { fd, path: step.path, mtime: member.mtime, size: 0, isSparse: false };
          if (step.mode & this.#umask) fs.fchmodSync(fd, step.mode);
          break;
        }
        case 'link':
          fs.linkSync(this.#path(step.target), path);
          break;
        case 'symlink':
          fs.symlinkSync(osPath(step.target), path);
          fs.lutimesSync(path, instant(member.mtime), instant(member.mtime));
          break;
        case 'none':
      }
    } catch (error) {
      throw chrootError(error, `make ${printable(step.path)}`);
    }
    this.#extracted.files += 1;
  }

  content(bytes: Uint8Array): void {
    const { fd, path, size, isSparse } = this.#open!;
    try {
      let written = 0;
      while (written < bytes.length) {
        const position = isSparse ? size + written : null;
        written += fs.writeSync(fd, bytes, written, bytes.length - written, position);
      }
    } catch (error) {
      throw chrootError(error, `write ${printable(path)}`);
    }
    this.#open!.size += bytes.length;
    this.#extracted.bytes += bytes.length;
  }

  /** Zeros that take no memory: the file goes on behind them, or ends there. */
  hole(bytes: number): void {
    const open = this.#open!;
    open.size += bytes;
    open.isSparse = true;
  }

  memberEnd(): void {
    if (this.#open === undefined) return;
    const { fd, path, mtime, size, isSparse } = this.#open;
    this.#open = undefined;
    try {
      if (isSparse) fs.ftruncateSync(fd, size);
      fs.futimesSync(fd, instant(mtime), instant(mtime));
      fs.closeSync(fd);
    } catch (error) {
      throw chrootError(error, `write ${printable(path)}`);
    }
  }

  /** After the last package: gives the directories their permissions and times. */
  finish(): Extracted {
    // Children before parents, so that no directory is closed before what lies in it is done.
    for (const path of [...this.#directories.keys()].sort().reverse()) {
      const { mode, mtime } = this.#directories.get(path)!;
      try {
        fs.utimesSync(this.#path(path), instant(mtime), instant(mtime));
        fs.chmodSync(this.#path(path), mode);
      } catch (error) {
        throw chrootError(error, `make ${printable(path)}`);
      }
    }
    return this.#extracted;
  }

  /** Closes the file that is being written, if any. */
  close(): void {
    if (this.#open !== undefined) fs.closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #path(relative: string): string | Buffer {
    return osPath(this.#base + relative);
  }
}

/**
 * A time in seconds as Node wants it: it takes a negative number for the present, but not such a
 * Date.
 */
function instant(seconds: number): number | Date {
  return seconds < 0 ? new Date(seconds * 1000) : seconds;
}

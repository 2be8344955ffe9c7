/**
 * A user's own directory on a node: private, changed by one process at a time, with a place for
 * what is to be removed. Knows nothing of what lies in it.
 *
 *     <chroot>/python-mpi-<uid>/      0700, the user's own
 *       lock                          held for every change of this directory, briefly
 *       trash-<token>/                being removed; any process that sees it may
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import type { Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import { KernelLock } from './lock.ts';
import { removeTree } from './remove.ts';
import { chrootError, isErrno } from './system-error.ts';

/** A name that nothing else has. */
export function freshToken(): string {
  return randomBytes(8).toString('hex');
}

export class UserDirectory {
  readonly path: string;

  /**
   * Makes the directory if need be.
   * @param chroot node-local directory, absolute; others may write to it
   * @throws PythonMpiError CHROOT_UNUSABLE, also when what has the name is not a directory of
   *   this user alone; NO_SPACE
   */
  constructor(chroot: string) {
    const uid = process.getuid!();
    this.path = join(chroot, `python-mpi-${uid}`);
    let found: fs.Stats;
    try {
      makeDirectory(this.path);
      found = fs.lstatSync(this.path);
    } catch (error) {
      throw chrootError(error, `make ${this.path}`);
    }
    // Another user who may write to the chroot may have been there first.
    const fault =
      (!found.isDirectory() && 'is not a directory') ||
      (found.uid !== uid && `belongs to user ${found.uid}`) ||
      ((found.mode & 0o077) !== 0 && 'is open to other users');
    if (fault) {
      throw new PythonMpiError('CHROOT_UNUSABLE', `${this.path} ${fault}`, {
        hint: 'remove it or set PYTHON_MPI_CHROOT to another node-local directory',
      });
    }
  }

  /**
   * Changes the directory while no other process does. What is discarded meanwhile is removed
   * afterwards, when others may go on already.
   * @throws PythonMpiError TIMEOUT, CHROOT_UNUSABLE, NO_SPACE, SYSTEM
   */
  async change<Result>(deadline: Deadline, work: () => Result): Promise<Result> {
    const lock = await KernelLock.wait(join(this.path, 'lock'), deadline);
    try {
      return work();
    } catch (error) {
      throw chrootError(error, `change ${this.path}`);
    } finally {
      lock.release();
      this.#emptyTrash();
    }
  }

  /** During a change: takes something out of use at once. @returns whether it was there */
  discard(name: string): boolean {
    try {
      fs.renameSync(join(this.path, name), join(this.path, `trash-${freshToken()}`));
      return true;
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false;
      throw error;
    }
  }

  #emptyTrash(): void {
    for (const name of fs.readdirSync(this.path)) {
      if (!name.startsWith('trash-')) continue;
      try {
        removeTree(join(this.path, name));
      } catch (error) {
        throw chrootError(error, `remove ${join(this.path, name)}`);
      }
    }
  }
}

function makeDirectory(path: string): void {
  try {
    fs.mkdirSync(path, 0o700);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}

/**
 * Locks that the kernel drops when their owner dies, however it dies.
 *
 * Node offers no fcntl(2) or flock(2), but its SQLite takes a real fcntl lock for a transaction. So
 * a lock is an exclusive transaction on an empty database file that nothing is ever written to: the
 * file stays empty and no journal appears. The only use of SQLite here.
 */
import { DatabaseSync } from 'node:sqlite';
import { Backoff, type Deadline } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';

/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
/** Longest pause before the next try, in milliseconds. */
const RETRY_MS = 5;

export class KernelLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Takes the lock if it is free.
   * @param path of the lock file, created if missing; nothing else may open it in this process,
   *   since closing any descriptor of a file drops all fcntl locks on it
   * @returns undefined when it is taken, here or in another process
   * @throws PythonMpiError CHROOT_UNUSABLE when the file system cannot lock
   */
  static take(path: string): KernelLock | undefined {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 0 });
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return new KernelLock(database);
    } catch (error) {
      if (database?.isOpen) database.close();
      if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
      throw new PythonMpiError(
        'CHROOT_UNUSABLE',
        `cannot lock ${path}: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }

  /**
   * Takes the lock as soon as it is free.
   * @throws PythonMpiError TIMEOUT, CHROOT_UNUSABLE
   */
  static async wait(path: string, deadline: Deadline): Promise<KernelLock> {
    const backoff = new Backoff(RETRY_MS, 1);
    for (;;) {
      const lock = KernelLock.take(path);
      if (lock !== undefined) return lock;
      if (deadline.expired) {
        throw new PythonMpiError('TIMEOUT', `timed out waiting for the lock ${path}`, {
          hint: 'see whether another python-mpi hangs on this node',
        });
      }
      await backoff.pause();
    }
  }

  release(): void {
    this.#database.close();
  }
}

/**
 * Unpacks packages while they arrive. Owns the two threads that do it and the memory between them:
 *
 *     write() -> compressed ring -> inflate, SHA-256 -> plain ring -> tar, files
 *
 * Everything the caller writes is copied before `write` returns. Nothing is published here: a
 * directory is whole when `finished` has resolved, and rubbish otherwise.
 */

import { now } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import type { Extracted } from './extract.ts';
import type { ExtractTask } from './extract-worker.ts';
import type { InflateTask } from './inflate-worker.ts';
import type { PackageSpec } from './package.ts';
import { RingWriter, ringMemory } from './ring.ts';
import { startThread } from './thread.ts';

/** Bytes; together the memory budget of unpacking. */
const COMPRESSED_RING = 4 << 20;
const PLAIN_RING = 4 << 20;

export interface UnpackerOptions {
  /** Absolute path of an empty directory that nobody else writes to. */
  directory: string;
  /** In the order in which their bytes will arrive; later ones override earlier ones. */
  packages: readonly PackageSpec[];
  /** Permission bits that are kept; default those safe for a package. */
  permissions?: number;
}

export interface Unpacked extends Extracted {
  /** From the creation of the unpacker to the last system call. */
  milliseconds: number;
}

export class Unpacker {
  /**
   * Resolves when every package has been checked and unpacked; both threads have then ended.
   * Rejects with the first PythonMpiError: CORRUPT_PACKAGE, UNSAFE_PACKAGE (naming the package),
   * NO_SPACE, CHROOT_UNUSABLE, SYSTEM, CANCELLED, NO_RUNTIME.
   */
  readonly finished: Promise<Unpacked>;
  /** Where the caller's bytes go. Given up when all is over, so that the memory can go. */
  #compressed: RingWriter | undefined;
  /** Held only to be broken. */
  #plain: RingWriter | undefined;
  #expected: number;

  constructor(options: UnpackerOptions) {
    const packages = [...options.packages];
    const compressed = ringMemory(COMPRESSED_RING, 0);
    const plain = ringMemory(PLAIN_RING, packages.length);
    this.#compressed = new RingWriter(compressed);
    this.#plain = new RingWriter(plain);
    this.#expected = packages.reduce((sum, spec) => sum + spec.size, 0);
    this.finished = this.#run(
      { packages, compressed, plain },
      {
        packages,
        plain,
        directory: options.directory,
        umask: process.umask(),
        permissions: options.permissions,
      },
    );
    // Whoever is interested awaits it; a failure before they do is no unhandled one.
    this.finished.catch(() => {});
  }

  /**
   * Takes as many of the next bytes as there is room for, without waiting.
   * @returns how many it took; the caller keeps the rest and comes back after {@link untilRoom}. All of
   *   them when unpacking is over: `finished` then says why.
   * @throws PythonMpiError INTERNAL for more bytes than were announced
   */
  write(bytes: Uint8Array): number {
    if (bytes.length > this.#expected) {
      throw new PythonMpiError('INTERNAL', 'more bytes arrived than the packages have');
    }
    let taken = 0;
    while (taken < bytes.length) {
      if (this.#compressed === undefined || this.#compressed.broken) {
        taken = bytes.length;
        break;
      }
      const space = this.#compressed.space(bytes.length - taken);
      if (space.length === 0) break;
      space.set(bytes.subarray(taken, taken + space.length));
      this.#compressed.commit(space.length);
      taken += space.length;
    }
    this.#expected -= taken;
    return taken;
  }

  /** Resolves as soon as {@link write} would take at least one byte. */
  async untilRoom(): Promise<void> {
    await this.#compressed?.untilSpace();
  }

  /** No more bytes will come. Unless all of them have, `finished` rejects with CORRUPT_PACKAGE. */
  end(): void {
    this.#compressed?.close();
  }

  /** Stops both threads; `finished` rejects with CANCELLED unless it was settled. */
  abort(): void {
    this.#compressed?.break();
    this.#plain?.break();
  }

  async #run(inflate: InflateTask, extract: ExtractTask): Promise<Unpacked> {
    const start = now();
    const threads = [
      startThread<void>('inflate-worker', inflate),
      startThread<Extracted>('extract-worker', extract),
    ] as const;
    // A thread that could not even start breaks nothing by itself.
    for (const thread of threads) thread.catch(() => this.abort());
    // Both are awaited to their end even if one fails: nothing may be written after that.
    const [inflated, extracted] = await Promise.allSettled(threads);
    this.#compressed = undefined;
    this.#plain = undefined;
    for (const outcome of [inflated, extracted]) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
    if (extracted.status === 'rejected' || extracted.value === undefined) {
      throw new PythonMpiError('CANCELLED', 'unpacking was cancelled');
    }
    return { ...extracted.value, milliseconds: now() - start };
  }
}

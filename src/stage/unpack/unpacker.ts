/**
 * Unpacks packages while they arrive. Owns the threads that do it and the memory between them:
 *
 *     write(), SHA-256 -> compressed ring -> inflate -> plain ring -> tar, files
 *     write(), SHA-256 ---------------------------> plain ring -> tar, files      where nothing is compressed
 *
 * The last bytes of a package go on only when its digest was right: so nothing that is not what the root announced is
 * ever finished. Everything the caller writes is copied before `write` returns. Nothing is published here: a
 * directory is whole when `finished` has resolved, and rubbish otherwise.
 */
import { now } from '../../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../../errors.ts';
import type { PackageSpec } from '../package.ts';
import { DigestCheck } from './digest-check.ts';
import type { Extracted } from './extract.ts';
import type { ExtractTask } from './extract-worker.ts';
import type { InflateTask } from './inflate-worker.ts';
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
   * Resolves when every package has been checked and unpacked; all threads have then ended.
   * Rejects with the first PythonMpiError: CORRUPT_PACKAGE, UNSAFE_PACKAGE (naming the package),
   * NO_SPACE, CHROOT_UNUSABLE, SYSTEM, CANCELLED, NO_RUNTIME.
   */
  readonly finished: Promise<Unpacked>;
  /** Where the caller's bytes go, and where they end up. Given up when all is over, so that the memory can go. */
  #input: RingWriter | undefined;
  #plain: RingWriter | undefined;
  readonly #check: DigestCheck;
  #expected: number;
  /** What is wrong with the bytes. */
  #fault: PythonMpiError | undefined;

  constructor(options: UnpackerOptions) {
    const packages = [...options.packages];
    const plain = ringMemory(PLAIN_RING, packages.length);
    const compressed = packages.some(({ format }) => format !== 'tar')
      ? ringMemory(COMPRESSED_RING, packages.length)
      : undefined;
    this.#plain = new RingWriter(plain);
    this.#input = compressed === undefined ? this.#plain : new RingWriter(compressed);
    this.#check = new DigestCheck(packages);
    this.#expected = packages.reduce((sum, spec) => sum + spec.size, 0);
    this.finished = this.#run(compressed && { packages, compressed, plain }, {
      packages,
      plain,
      directory: options.directory,
      umask: process.umask(),
      permissions: options.permissions,
    });
    // Whoever is interested awaits it; a failure before they do is no unhandled one.
    this.finished.catch(() => {});
    // A package may be empty, and wrong.
    this.#pass(0);
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
      if (this.#input === undefined || this.#input.broken) {
        taken = bytes.length;
        break;
      }
      const space = this.#input.space(Math.min(bytes.length - taken, this.#check.left));
      if (space.length === 0) break;
      const part = bytes.subarray(taken, taken + space.length);
      space.set(part);
      this.#check.update(part);
      this.#pass(part.length);
      taken += part.length;
    }
    this.#expected -= taken;
    return taken;
  }

  /** Resolves as soon as {@link write} would take at least one byte. */
  async untilRoom(): Promise<void> {
    await this.#input?.untilSpace();
  }

  /** No more bytes will come. Unless all of them have, `finished` rejects with CORRUPT_PACKAGE. */
  end(): void {
    if (this.#expected > 0 && this.#input?.broken === false)
      this.#checked(() => this.#check.next());
  }

  /** Stops all threads; `finished` rejects with CANCELLED unless it was settled. */
  abort(): void {
    this.#input?.break();
    this.#plain?.break();
  }

  /** Lets bytes go on, unless a package ends with them that is not what it should be. */
  #pass(count: number): void {
    const input = this.#input!;
    this.#checked(() => {
      let ended = 0;
      for (; this.#check.left === 0 && !this.#check.done; ended++) this.#check.next();
      input.commit(count);
      for (; ended > 0; ended--) input.mark();
    });
  }

  #checked(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fault = asPythonMpiError(error);
      this.abort();
    }
  }

  async #run(inflate: InflateTask | undefined, extract: ExtractTask): Promise<Unpacked> {
    const start = now();
    const threads = [
      inflate && startThread<void>('inflate-worker', inflate),
      startThread<Extracted>('extract-worker', extract),
    ] as const;
    // A thread that could not even start breaks nothing by itself.
    for (const thread of threads) thread?.catch(() => this.abort());
    // All are awaited to their end even if one fails: nothing may be written after that.
    const [inflated, extracted] = await Promise.allSettled(threads);
    this.#input = undefined;
    this.#plain = undefined;
    if (this.#fault !== undefined) throw this.#fault;
    for (const outcome of [inflated, extracted]) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
    if (extracted.status === 'rejected' || extracted.value === undefined) {
      throw new PythonMpiError('CANCELLED', 'unpacking was cancelled');
    }
    return { ...extracted.value, milliseconds: now() - start };
  }
}

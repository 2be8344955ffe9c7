/**
 * Unpacks packages while they arrive. Owns the threads that do it and the memory between them:
 *
 *     deliver(), SHA-256 -> compressed ring -> inflate -> plain ring -> tar, files
 *
 * or, where no package is compressed,
 *
 *     deliver(), SHA-256 ---------------------------> plain ring -> tar, files
 *
 * The last bytes of a package go on only when its digest was right: so nothing that is not what the
 * root announced is ever finished. Bytes are delivered in order, however little room there is.
 * Nothing is published here: a directory is whole when `finished` has resolved, and rubbish
 * otherwise.
 */
import { asPythonMpiError, PythonMpiError } from '../../errors.ts';
import { type PackageSpec, totalOf } from '../package.ts';
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
  /** Absolute path of an empty directory that no other process writes to. */
  directory: string;
  /** In the order in which their bytes will arrive; later ones override earlier ones. */
  packages: readonly PackageSpec[];
  /** Permission bits that are kept; default those safe for a package. */
  permissions?: number | undefined;
  /** Hears how far the stream has come, in bytes. */
  progress?: ((done: number, total: number) => void) | undefined;
}

export class Unpacker {
  /**
   * Resolves when every package has been checked and unpacked; all threads have then ended.
   * Rejects with the first PythonMpiError: CORRUPT_PACKAGE, UNSAFE_PACKAGE, UNSUPPORTED_PACKAGE
   * (naming the package), NO_SPACE, CHROOT_UNUSABLE, SYSTEM, CANCELLED, NO_RUNTIME.
   */
  readonly finished: Promise<Extracted>;
  /**
   * Where the caller's bytes go, and where they end up. Given up when all is over, so that the
   * memory can go.
   */
  #input: RingWriter | undefined;
  #plain: RingWriter | undefined;
  readonly #check: DigestCheck;
  readonly #progress: NonNullable<UnpackerOptions['progress']>;
  /** Bytes that will come, and that have come. */
  readonly #total: number;
  #delivered = 0;
  /** Deliveries that wait for room, and the promise that the last of them has found it. */
  #backlog = 0;
  #delivery: Promise<void> = Promise.resolve();
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
    this.#progress = options.progress ?? (() => {});
    this.#total = totalOf(packages, 'size');
    this.finished = this.#run(compressed && { packages, compressed, plain }, {
      packages,
      plain,
      directory: options.directory,
      umask: process.umask(),
      permissions: options.permissions,
    });
    // A failure before the caller awaits it is no unhandled one.
    this.finished.catch(() => {});
    // A package may be empty, and wrong.
    this.#pass(0);
  }

  /**
   * Takes the next bytes of the stream; none when unpacking is over, and `finished` then says why.
   * @returns undefined when they have been copied; else a promise that they are, until which they
   *   must stay as they are
   * @throws PythonMpiError INTERNAL for more bytes than were announced
   */
  deliver(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > this.#total - this.#delivered) {
      throw new PythonMpiError('INTERNAL', 'more bytes arrived than the packages have');
    }
    this.#delivered += bytes.length;
    this.#progress(this.#delivered, this.#total);
    // The next bytes come while the rest of an earlier delivery still waits for room: they wait
    // behind it.
    const taken = this.#backlog === 0 ? this.#write(bytes) : 0;
    return taken < bytes.length ? this.#deliverLater(bytes.subarray(taken)) : undefined;
  }

  /** Stops all threads; `finished` rejects with CANCELLED unless it was settled. */
  abort(): void {
    this.#input?.break();
    this.#plain?.break();
  }

  #deliverLater(bytes: Uint8Array): Promise<void> {
    this.#backlog++;
    this.#delivery = this.#delivery.then(async () => {
      for (let at = 0; at < bytes.length; ) {
        await this.#input?.untilSpace();
        at += this.#write(bytes.subarray(at));
      }
      this.#backlog--;
    });
    return this.#delivery;
  }

  /**
   * Copies as many bytes as there is room for.
   * @returns how many; all of them when unpacking is over
   */
  #write(bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length) {
      if (this.#input === undefined || this.#input.broken) return bytes.length;
      const space = this.#input.space(Math.min(bytes.length - taken, this.#check.left));
      if (space.length === 0) break;
      const part = bytes.subarray(taken, taken + space.length);
      space.set(part);
      this.#check.update(part);
      this.#pass(part.length);
      taken += part.length;
    }
    return taken;
  }

  /** Lets bytes go on, unless a package ends with them that is not what it should be. */
  #pass(count: number): void {
    const input = this.#input!;
    try {
      let ended = 0;
      for (; this.#check.left === 0 && !this.#check.done; ended++) this.#check.next();
      input.commit(count);
      for (; ended > 0; ended--) input.mark();
    } catch (error) {
      this.#fault = asPythonMpiError(error);
      this.abort();
    }
  }

  async #run(inflate: InflateTask | undefined, extract: ExtractTask): Promise<Extracted> {
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
    return extracted.value;
  }
}

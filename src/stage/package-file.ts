/**
 * Packages at the root: finds the files the user named and describes them for the other nodes.
 *
 * A file stays open from here to the end of its broadcast: replacing it by another is harmless
 * then, and writing to it is noticed.
 */
import { createHash } from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { BLOCK } from '../tar/block.ts';
import { isTarHeader } from '../tar/read.ts';
import {
  type CachedDigest,
  type FileState,
  findDigest,
  isSettled,
  stateOf,
} from './digest-cache.ts';
import { noFile, notAPackage } from './not-a-package.ts';
import type { PackageFormat, PackageSource, PackageSpec } from './package.ts';
import { isErrno } from './system-error.ts';

/** Bytes per read; what parallel file systems like. */
const PIECE = 1 << 20;

/** A package file at the root. */
export class PackageFile implements PackageSource {
  readonly spec: PackageSpec;
  /** Absolute path. */
  readonly path: string;
  /** What may be cached of it; undefined for a file that may still be changing. */
  readonly cacheable: CachedDigest | undefined;
  readonly #handle: FileHandle;
  readonly #state: FileState;

  private constructor(spec: PackageSpec, handle: FileHandle, state: FileState, settled: boolean) {
    const { name, ...rest } = spec;
    this.spec = spec;
    this.path = state.path;
    this.cacheable = settled ? { state, spec: rest } : undefined;
    this.#handle = handle;
    this.#state = state;
  }

  /**
   * Opens a package and reads it once, to know its digest.
   * @param name absolute or relative to `pkgroot`
   * @param pkgroot absolute
   * @param cache of files that need not be read for that
   * @throws PythonMpiError NO_PACKAGE, PACKAGE_UNREADABLE, CORRUPT_PACKAGE (also when it is written
   *   to)
   */
  static async open(
    name: string,
    pkgroot: string,
    cache: readonly CachedDigest[] = [],
  ): Promise<PackageFile> {
    const path = resolve(pkgroot, name);
    const handle = await openPackage(name, path);
    try {
      const state = await examine(handle, name, path);
      const settled = isSettled(state);
      const cached = findDigest(cache, state);
      if (cached !== undefined) return new PackageFile({ name, ...cached }, handle, state, settled);
      const size = Number(state.size);
      const { sha256, head, tail } = await digest(handle, name, size);
      const format = formatOf(head);
      if (format === undefined) {
        throw notAPackage(name, head);
      }
      const unpacked = unpackedSize(format, size, tail);
      const spec = { name, size, sha256, format, unpacked };
      const file = new PackageFile(spec, handle, state, settled);
      await file.verify();
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Reads from the file.
   * @returns bytes read into `buffer`; less than its length only at the end of the file
   * @throws PythonMpiError PACKAGE_UNREADABLE
   */
  read(buffer: Uint8Array, position: number): Promise<number> {
    return readFully(this.#handle, this.spec.name, buffer, position);
  }

  /**
   * Fills `buffer` from `position` on, all of which lies in the file.
   * @throws PythonMpiError PACKAGE_UNREADABLE; CORRUPT_PACKAGE when the file is not what it was
   */
  async fill(buffer: Uint8Array, position: number): Promise<void> {
    const count = await this.read(buffer, position);
    if (count < buffer.length || position + count === this.spec.size) await this.verify();
    if (count === buffer.length) return;
    throw new PythonMpiError(
      'CORRUPT_PACKAGE',
      `package ${this.spec.name} became shorter meanwhile`,
    );
  }

  /**
   * After the last read.
   * @throws PythonMpiError CORRUPT_PACKAGE when the file is not what it was
   */
  async verify(): Promise<void> {
    const { size, mtime } = await examine(this.#handle, this.spec.name, this.path);
    if (size === this.#state.size && mtime === this.#state.mtime) return;
    throw new PythonMpiError(
      'CORRUPT_PACKAGE',
      `package ${this.spec.name} was written to meanwhile`,
      {
        hint: 'start again when it is complete',
      },
    );
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * Opens all packages, in order. Empty names are left out, as in any colon-separated list.
 * @param cache of files that need not be read to know their digests
 * @throws PythonMpiError as {@link PackageFile.open}; no file is open then
 */
export async function openPackages(
  names: readonly string[],
  pkgroot: string,
  cache: readonly CachedDigest[] = [],
): Promise<PackageFile[]> {
  const files: PackageFile[] = [];
  try {
    for (const name of names) {
      if (name !== '') files.push(await PackageFile.open(name, pkgroot, cache));
    }
    return files;
  } catch (error) {
    await Promise.all(files.map(file => file.close()));
    throw error;
  }
}

async function openPackage(name: string, path: string): Promise<FileHandle> {
  try {
    // A fifo would be waited for.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) {
      const where = path === name ? '' : ` (looked for ${path})`;
      throw new PythonMpiError('NO_PACKAGE', `there is no package ${name}${where}`, {
        hint: 'see PYTHON_MPI_PKGROOT and PYTHON_MPI_PACKAGES',
        cause: error,
      });
    }
    throw unreadable(name, error);
  }
}

function unreadable(name: string, error: unknown): PythonMpiError {
  const why = (error as NodeJS.ErrnoException).code ?? String(error);
  return new PythonMpiError('PACKAGE_UNREADABLE', `cannot read package ${name}: ${why}`, {
    hint: 'see whether you may read the file',
    cause: error,
  });
}

async function examine(handle: FileHandle, name: string, path: string): Promise<FileState> {
  try {
    const stat = await handle.stat({ bigint: true });
    if (stat.isFile()) return stateOf(path, stat);
  } catch (error) {
    throw unreadable(name, error);
  }
  throw noFile(name, path);
}

async function readFully(
  handle: FileHandle,
  name: string,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  let filled = 0;
  try {
    while (filled < buffer.length) {
      const rest = buffer.length - filled;
      const { bytesRead } = await handle.read(buffer, filled, rest, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (error) {
    throw unreadable(name, error);
  }
  return filled;
}

/** SHA-256 of a file, hashing one piece while the next is read, and its first and last bytes. */
async function digest(
  handle: FileHandle,
  name: string,
  size: number,
): Promise<{ sha256: string; head: Buffer; tail: Buffer }> {
  const hash = createHash('sha256');
  const head = Buffer.alloc(BLOCK);
  const tail = Buffer.alloc(4);
  await readFully(handle, name, head, 0);
  if (size >= tail.length) await readFully(handle, name, tail, size - tail.length);

  let [filling, idle] = [Buffer.allocUnsafeSlow(PIECE), Buffer.allocUnsafeSlow(PIECE)];
  let reading = readFully(handle, name, filling, 0);
  for (let position = 0; ; ) {
    const count = await reading;
    if (count === 0) break;
    position += count;
    [filling, idle] = [idle, filling];
    reading = readFully(handle, name, filling, position);
    hash.update(idle.subarray(0, count));
  }
  return { sha256: hash.digest('hex'), head, tail };
}

function formatOf(head: Buffer): PackageFormat | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'tar.gz';
  const magic = head.readUInt32LE(0);
  // A frame, or a skippable frame (RFC 8878, 3.1).
  if (magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5) return 'tar.zst';
  return isTarHeader(head) ? 'tar' : undefined;
}

/** A lower bound. gzip ends with the length of its content, modulo 2^32 (RFC 1952, 2.3.1). */
function unpackedSize(format: PackageFormat, size: number, tail: Buffer): number {
  return format === 'tar.gz' ? Math.max(size, tail.readUInt32LE(0)) : size;
}

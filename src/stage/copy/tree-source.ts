/**
 * Files and directories at the root, as one package that exists nowhere: a tar stream computed from
 * an inventory, of which any part can be read. What was written to meanwhile is noticed.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PythonMpiError } from '../../errors.ts';
import { END, padding, tarHeader } from '../../tar/header.ts';
import { osPath } from '../../tar/names.ts';
import type { PackageSource, PackageSpec } from '../package.ts';
import type { Item } from './inventory.ts';

/** Bytes per read while hashing. */
const PIECE = 1 << 20;

/** An item and where its content is: a real path (a binary string), or the content itself. */
export interface Load {
  item: Item;
  content: string | Buffer;
}

/** A run of the stream. */
interface Extent {
  start: number;
  length: number;
  bytes: Buffer | { path: string; mtime: number };
}

export class TreeSource implements PackageSource {
  readonly spec: PackageSpec;
  readonly #extents: readonly Extent[];
  /** The file read last: reads come in order. */
  #open: { path: string; handle: FileHandle } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(extents: readonly Extent[], spec: PackageSpec) {
    this.#extents = extents;
    this.spec = spec;
  }

  /**
   * Lays the stream out and reads all of it once, to know its digest.
   * @param name of what it is, for messages
   * @throws PythonMpiError PACKAGE_UNREADABLE naming the file; CORRUPT_PACKAGE when one was written
   *   to meanwhile
   */
  static async open(name: string, loads: readonly Load[]): Promise<TreeSource> {
    const extents = layOut(loads);
    const last = extents.at(-1)!;
    const size = last.start + last.length;
    const spec: PackageSpec = { name, size, sha256: '', format: 'tar', unpacked: size };
    const source = new TreeSource(extents, spec);
    try {
      spec.sha256 = await source.#digest();
      return source;
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** @throws PythonMpiError as {@link open} */
  fill(buffer: Uint8Array, position: number): Promise<void> {
    // One read at a time: they share the open file.
    const filled = this.#turn.then(() => this.#fill(buffer, position));
    this.#turn = filled.catch(() => {});
    return filled;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#open?.handle.close();
    this.#open = undefined;
  }

  async #digest(): Promise<string> {
    const hash = createHash('sha256');
    const piece = Buffer.allocUnsafe(PIECE);
    for (let at = 0; at < this.spec.size; at += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, this.spec.size - at));
      await this.fill(part, at);
      hash.update(part);
    }
    return hash.digest('hex');
  }

  async #fill(buffer: Uint8Array, position: number): Promise<void> {
    for (let filled = 0, at = this.#find(position); filled < buffer.length; at++) {
      const { start, length, bytes } = this.#extents[at]!;
      const from = position + filled - start;
      const into = buffer.subarray(
        filled,
        filled + Math.min(buffer.length - filled, length - from),
      );
      if (Buffer.isBuffer(bytes)) into.set(bytes.subarray(from, from + into.length));
      else await this.#read(bytes, into, from);
      filled += into.length;
    }
  }

  async #read(
    { path, mtime }: { path: string; mtime: number },
    into: Uint8Array,
    from: number,
  ): Promise<void> {
    try {
      if (this.#open?.path !== path) {
        await this.#open?.handle.close();
        this.#open = undefined;
        this.#open = { path, handle: await open(osPath(path), 'r') };
      }
      const { handle } = this.#open;
      for (let filled = 0; filled < into.length; ) {
        const { bytesRead } = await handle.read(into, filled, into.length - filled, from + filled);
        if (bytesRead === 0) throw changed(path);
        filled += bytesRead;
      }
      const { mtimeNs } = await handle.stat({ bigint: true });
      if (Number((mtimeNs + 500n) / 1000n) !== mtime) throw changed(path);
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** Index of the extent that holds a position. */
  #find(position: number): number {
    let [low, high] = [0, this.#extents.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#extents[middle]!.start <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function layOut(loads: readonly Load[]): Extent[] {
  const extents: Extent[] = [];
  let start = 0;
  const add = (bytes: Extent['bytes'], length: number) => {
    if (length > 0) extents.push({ start, length, bytes });
    start += length;
  };
  for (const { item, content } of loads) {
    const { kind, path, target, mode, size, mtime } = item;
    if (kind === 'other') {
      // As the user knows it, which is not what it is called in the stream.
      const shown = Buffer.isBuffer(content) ? path : content;
      throw unreadable(shown, 'it is neither a file nor a directory');
    }
    const header = tarHeader({ type: kind, name: path, target, mode, size, mtime: mtime / 1e6 });
    add(header, header.length);
    if (Buffer.isBuffer(content)) add(content, content.length);
    else add({ path: content, mtime }, size);
    const rest = padding(size);
    add(rest, rest.length);
  }
  add(END, END.length);
  return extents;
}

function printed(path: string): string {
  return Buffer.from(path, 'latin1').toString();
}

function changed(path: string): PythonMpiError {
  return new PythonMpiError('CORRUPT_PACKAGE', `${printed(path)} was written to meanwhile`, {
    hint: 'start again when it is complete',
  });
}

/** The error for something that cannot be sent: what the system said, or why. */
export function unreadable(path: string, reason: unknown): PythonMpiError {
  if (reason instanceof PythonMpiError) return reason;
  const why = (reason as NodeJS.ErrnoException).code ?? String(reason);
  return new PythonMpiError('PACKAGE_UNREADABLE', `cannot send ${printed(path)}: ${why}`, {
    hint: 'see whether it is there and you may read it',
    cause: reason,
  });
}

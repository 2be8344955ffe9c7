/**
 * A tree as a tar stream, cut into frames of about 4 MiB.
 *
 * First all directories, then the files, then the links: so frames of files can be unpacked in any
 * order, and nothing is ever written through a link. A frame ends between two entries, except
 * inside a file larger than a frame. Owners are 0, names of owners empty, permissions 0755 or 0644,
 * and all times the same: nothing of the machine or of the moment gets in.
 */

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { END, padding, tarHeader } from '../tar/header.ts';
import { type Context, checkCancelled } from './context.ts';
import { readable } from './disk.ts';
import { bytesOf, onDisk } from './filename.ts';
import { ordered } from './ordered.ts';
import { type Leftover, relocate } from './relocate.ts';
import type { FileEntry, LinkEntry, Tree } from './tree.ts';

/** Bytes of tar in a frame, before compression. */
export const FRAME_BYTES = 4 * 1024 * 1024;
const READ_AHEAD = 16;
const NOTHING = Buffer.alloc(0);
/** Most that one read call is asked for: the system's own limit is just below 2 GiB. */
const READ_BYTES = 1024 * 1024 * 1024;

/** What the manifest says of a file; bytes of its name that are not UTF-8 as in filename.ts. */
export interface FileRecord {
  path: string;
  size: number;
  executable: boolean;
  sha256: string;
}

export interface LinkRecord {
  path: string;
  target: string;
}

export type EntryRecord = FileRecord | LinkRecord;

export interface Frame {
  /** Whole tar blocks. */
  data: Buffer;
  /** Whether an entry begins here, or a large file goes on. */
  begins: boolean;
}

export interface Contents {
  records: EntryRecord[];
  /** Files that still hold something of where they were. */
  leftovers: { path: string; leftover: Leftover }[];
}

/**
 * The frames of a tree, all but the one with the manifest, ending with tar's end mark.
 * @param mtime of all entries, in seconds since 1970
 * @param contents is filled as frames are made, and complete when they end
 */
export async function* framesOf(
  tree: Tree,
  mtime: number,
  contents: Contents,
  { progress, signal }: Context,
): AsyncGenerator<Frame> {
  const cutter = new Cutter();
  const entries = tree.sorted();
  for (const path of tree.directories()) yield* cutter.add(directoryHeader(path, mtime), NOTHING);
  let done = 0;
  const files = ordered(tree.files(), READ_AHEAD, readEntry);
  for await (const { entry, content, leftover } of files) {
    checkCancelled(signal);
    const { path, executable } = entry;
    yield* cutter.add(fileHeader(path, executable, content.length, mtime), content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    contents.records.push({ path, size: content.length, executable, sha256 });
    if (leftover !== undefined) contents.leftovers.push({ path, leftover });
    progress('packing', ++done, entries.length);
  }
  for (const entry of entries) {
    if (entry.kind !== 'link') continue;
    yield* cutter.add(linkHeader(entry, mtime), NOTHING);
    contents.records.push({ path: entry.path, target: entry.target });
    progress('packing', ++done, entries.length);
  }
  yield* cutter.end();
}

/** The first frame: the manifest, and whatever directory it needs. */
export function manifestFrame(path: string, content: Buffer, mtime: number): Buffer {
  const slash = path.lastIndexOf('/');
  return Buffer.concat([
    directoryHeader(path.slice(0, slash), mtime),
    fileHeader(path, false, content.length, mtime),
    content,
    padding(content.length),
  ]);
}

/** Collects entries and lets go of a frame when it is full. */
class Cutter {
  #parts: Buffer[] = [];
  #bytes = 0;

  *add(head: Buffer, content: Buffer): Generator<Frame> {
    const parts = [head, content, padding(content.length)];
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (this.#bytes > 0 && this.#bytes + bytes > FRAME_BYTES) yield this.#take();
    this.#parts.push(...parts);
    this.#bytes += bytes;
    if (this.#bytes <= FRAME_BYTES) return;
    // Larger than a frame: cut here and now, so that what follows begins with an entry.
    const { data } = this.#take();
    for (let at = 0; at < data.length; at += FRAME_BYTES) {
      yield { data: data.subarray(at, at + FRAME_BYTES), begins: at === 0 };
    }
  }

  /** The last frame, with the two blocks of zeros that end a tar. */
  *end(): Generator<Frame> {
    this.#parts.push(END);
    yield this.#take();
  }

  #take(): Frame {
    const data = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return { data, begins: true };
  }
}

async function readEntry(
  entry: FileEntry,
): Promise<{ entry: FileEntry; content: Buffer; leftover: Leftover | undefined }> {
  const { content } = entry;
  const original =
    typeof content === 'string' ? await readable(content, readWhole(content)) : content;
  return { entry, ...relocate(entry, original) };
}

/** A whole file of any size; `readFile` ends at 2 GiB. */
async function readWhole(path: string): Promise<Buffer> {
  const file = await open(onDisk(path));
  try {
    const content = Buffer.allocUnsafe((await file.stat()).size);
    let length = 0;
    while (length < content.length) {
      const { bytesRead } = await file.read(
        content,
        length,
        Math.min(content.length - length, READ_BYTES),
        length,
      );
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return content.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** A name as tar headers are given it: see tar/names.ts. */
function binary(name: string): string {
  return bytesOf(name).toString('latin1');
}

function directoryHeader(path: string, mtime: number): Buffer {
  const name = `${binary(path)}/`;
  return tarHeader({ type: 'directory', name, target: '', mode: 0o755, size: 0, mtime });
}

function fileHeader(path: string, executable: boolean, size: number, mtime: number): Buffer {
  const mode = executable ? 0o755 : 0o644;
  return tarHeader({ type: 'file', name: binary(path), target: '', mode, size, mtime });
}

function linkHeader({ path, target }: LinkEntry, mtime: number): Buffer {
  return tarHeader({
    type: 'symlink',
    name: binary(path),
    target: binary(target),
    mode: 0o777,
    size: 0,
    mtime,
  });
}

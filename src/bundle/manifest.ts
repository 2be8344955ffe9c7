/**
 * What a package says about itself: its first entry, readable without expanding the rest.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { Header } from 'tar';
import { PythonMpiError } from '../errors.ts';
import type { EntryRecord, FileRecord } from './frames.ts';
import type { Leftover } from './relocate.ts';

/** Where all manifests of a prefix are, one for each package. */
const DIRECTORY = '.python-mpi';
export const FORMAT = 1;
const BLOCK = 512;
/** Bytes that are expanded at a time. */
const CHUNK = 1024 * 1024;

/** Where a frame is: offset from the end of the manifest's frame, compressed length, length, 1 if an entry begins it. */
export type FramePlace = [offset: number, length: number, bytes: number, begins: 0 | 1];

export interface Manifest {
  format: typeof FORMAT;
  name: string;
  /** Whose byte code and extension modules these are; absent in a package of plain files. */
  python?: { version: string; tag: string };
  platform: string;
  libc: string;
  /** `unchecked-hash` files are never compared with their source: an edit of the source has no effect. */
  bytecode: 'unchecked-hash' | 'none';
  sources: string[];
  /** Of all entries, in seconds since 1970. */
  mtime: number;
  files: number;
  /** Of all files together. */
  bytes: number;
  /** SHA-256 of what is unpacked: see {@link contentDigest}. */
  digest: string;
  /** Pattern -> how many paths it left out. */
  leftOut: Record<string, number>;
  warnings: string[];
  /** Files in which something of their old location is left: where libraries are looked for, in text, or in data. */
  notRelocated: Record<Leftover['kind'], string[]>;
  frames: FramePlace[];
  entries: EntryRecord[];
}

export function manifestPath(name: string): string {
  return `${DIRECTORY}/manifest-${name}.json`;
}

/** The digest of paths, permissions and contents, whatever the order, compression and names of the package file. */
export function contentDigest(entries: readonly EntryRecord[]): string {
  const lines = entries.map(entry =>
    'target' in entry
      ? `link ${entry.path}\0${entry.target}\n`
      : `${entry.executable ? 'program' : 'file'} ${entry.path}\0${entry.sha256}\n`,
  );
  return createHash('sha256').update(lines.sort().join('')).digest('hex');
}

export function encodeManifest(manifest: Manifest): Buffer {
  // One entry a line: fit for grep and diff, and still JSON.
  const { entries, ...rest } = manifest;
  const lines = entries.map(entry => JSON.stringify(entry)).join(',\n');
  return Buffer.from(`${JSON.stringify(rest).slice(0, -1)},"entries":[\n${lines}\n]}\n`);
}

/**
 * Reads the manifest of a package file, and no more of it than needed.
 * @throws PythonMpiError NO_PACKAGE, PACKAGE_UNREADABLE, CORRUPT_PACKAGE
 */
export async function readManifest(file: string): Promise<Manifest> {
  const reader = new ManifestReader();
  const packed = createReadStream(file);
  const find = (data: AsyncIterable<Buffer>) => reader.read(data);
  try {
    if (file.endsWith('.tar')) await pipeline(packed, find);
    else if (file.endsWith('.zst'))
      await pipeline(packed, zlib.createZstdDecompress({ chunkSize: CHUNK }), find);
    else await pipeline(packed, zlib.createGunzip({ chunkSize: CHUNK }), find);
  } catch (error) {
    if (error instanceof PythonMpiError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new PythonMpiError('NO_PACKAGE', `${file} does not exist`);
    if (code === 'EACCES' || code === 'EISDIR') {
      throw new PythonMpiError('PACKAGE_UNREADABLE', `${file} cannot be read: ${message}`);
    }
    if (!reader.done) {
      throw new PythonMpiError('CORRUPT_PACKAGE', `${file} is no package: ${message}`, {
        cause: error,
      });
    }
  }
  if (reader.manifest === undefined) {
    throw new PythonMpiError('CORRUPT_PACKAGE', `${file} has no manifest`, {
      hint: "it was not made by python-mpi-bundle; 'tar -tf' lists it",
    });
  }
  return reader.manifest;
}

/** Finds the manifest among a package's first entries. */
class ManifestReader {
  manifest: Manifest | undefined;
  /** Whether enough was seen to know: what follows is none of our business. */
  done = false;

  async read(data: AsyncIterable<Buffer>): Promise<void> {
    let pieces: Buffer[] = [];
    let bytes = 0;
    let wanted = BLOCK;
    for await (const piece of data) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes < wanted) continue;
      let held = Buffer.concat(pieces);
      while (!this.done && held.length >= BLOCK) {
        wanted = this.#entry(held);
        if (held.length < wanted) break;
        held = held.subarray(wanted);
        wanted = BLOCK;
      }
      if (this.done) return;
      pieces = [held];
      bytes = held.length;
    }
  }

  /** Looks at the entry that `held` begins with, and returns the bytes it takes in the archive. */
  #entry(held: Buffer): number {
    const header = new Header(held, 0);
    const size = header.size ?? 0;
    const file = header.type === 'File' || header.type === 'OldFile';
    this.done = !header.cksumValid || (file && !header.path?.startsWith(`${DIRECTORY}/manifest-`));
    if (!this.done && file && held.length >= BLOCK + size) {
      this.manifest = decode(held.toString('utf8', BLOCK, BLOCK + size));
      this.done = true;
    }
    return BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

function decode(text: string): Manifest {
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.format !== FORMAT) {
    throw new PythonMpiError(
      'CORRUPT_PACKAGE',
      `its manifest has format ${manifest.format}, and this program knows ${FORMAT}`,
    );
  }
  return manifest;
}

/** Packages of a prefix by size: what a user would look at first. */
export function largest(
  entries: readonly EntryRecord[],
  most: number,
): { name: string; bytes: number }[] {
  const sizes = new Map<string, number>();
  for (const entry of entries) {
    if (!isFile(entry)) continue;
    const name = packageOf(entry.path);
    sizes.set(name, (sizes.get(name) ?? 0) + entry.size);
  }
  return [...sizes]
    .map(([name, bytes]) => ({ name, bytes }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, most);
}

/** The installed package a path belongs to, with the libraries that wheels put beside it; else its first two directories. */
function packageOf(path: string): string {
  const installed = /(?:^|\/)(?:site|dist)-packages\/([^/]+)/.exec(path)?.[1];
  if (installed !== undefined)
    return installed.replace(/\.(?:libs|py|pth)$|-[\d.]+.*\.(?:dist|egg)-info$/, '');
  if (/^lib(?:64)?\/python3\.\d+\//.test(path)) return 'standard library';
  return path.split('/').slice(0, 2).join('/');
}

function isFile(entry: EntryRecord): entry is FileRecord {
  return 'size' in entry;
}

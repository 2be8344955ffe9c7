/**
 * What a package says about itself: its first entry, readable without expanding the rest.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { PythonMpiError } from '../errors.ts';
import { type Member, type TarHandler, TarReader } from '../tar/read.ts';
import { bytesOf } from './filename.ts';
import type { EntryRecord, FileRecord } from './frames.ts';
import type { Leftover } from './relocate.ts';

/** Where all manifests of a prefix are, one for each package. */
const DIRECTORY = '.python-mpi';
export const FORMAT = 1;
/** Bytes that are expanded at a time. */
const CHUNK = 1024 * 1024;

/**
 * Where a frame is: offset from the end of the manifest's frame, compressed length, length, 1 if an
 * entry begins it.
 */
export type FramePlace = [offset: number, length: number, bytes: number, begins: 0 | 1];

export interface Manifest {
  format: typeof FORMAT;
  name: string;
  /** Whose byte code and extension modules these are; absent in a package of plain files. */
  python?: { version: string; tag: string };
  platform: string;
  libc: string;
  /**
   * `unchecked-hash` files are never compared with their source: an edit of the source has no
   * effect.
   */
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
  /**
   * Files in which something of their old location is left: where libraries are looked for, in
   * text, or in data.
   */
  notRelocated: Record<Leftover['kind'], string[]>;
  frames: FramePlace[];
  entries: EntryRecord[];
}

export function manifestPath(name: string): string {
  return `${DIRECTORY}/manifest-${name}.json`;
}

/**
 * The digest of paths, permissions and contents, whatever the order, compression and names of the
 * package file.
 */
export function contentDigest(entries: readonly EntryRecord[]): string {
  const lines = entries.map(entry =>
    'target' in entry
      ? `link ${entry.path}\0${entry.target}\n`
      : `${entry.executable ? 'program' : 'file'} ${entry.path}\0${entry.sha256}\n`,
  );
  return createHash('sha256')
    .update(bytesOf(lines.sort().join('')))
    .digest('hex');
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
  const search = new ManifestSearch();
  const packed = createReadStream(file);
  const find = (data: AsyncIterable<Buffer>) => search.read(data);
  try {
    if (file.endsWith('.tar')) await pipeline(packed, find);
    else if (file.endsWith('.zst'))
      await pipeline(packed, zlib.createZstdDecompress({ chunkSize: CHUNK }), find);
    else await pipeline(packed, zlib.createGunzip({ chunkSize: CHUNK }), find);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new PythonMpiError('NO_PACKAGE', `${file} does not exist`);
    if (code === 'EACCES' || code === 'EISDIR') {
      throw new PythonMpiError('PACKAGE_UNREADABLE', `${file} cannot be read: ${message}`);
    }
    if (!search.isOver) throw noPackage(file, error);
  }
  if (search.found === undefined) {
    throw new PythonMpiError('CORRUPT_PACKAGE', `${file} has no manifest`, {
      hint: "it was not made by python-mpi-bundle; 'tar -tf' lists it",
    });
  }
  return decode(file, search.found);
}

function noPackage(file: string, cause: unknown): PythonMpiError {
  const { message } = cause as Error;
  return new PythonMpiError('CORRUPT_PACKAGE', `${file} is no package: ${message}`, { cause });
}

/** Looks for the manifest among a package's first members. */
class ManifestSearch implements TarHandler {
  /** The manifest as it stands in the package. */
  found: Buffer | undefined;
  /**
   * Whether enough was seen to know: what follows does not matter, not even whether it is an
   * archive.
   */
  isOver = false;
  #pieces: Buffer[] | undefined;

  /** @throws PythonMpiError CORRUPT_PACKAGE, and whatever `data` throws */
  async read(data: AsyncIterable<Buffer>): Promise<void> {
    const reader = new TarReader(this);
    for await (const piece of data) {
      reader.push(piece);
      if (this.isOver) return;
    }
  }

  member({ type, name }: Member): void {
    if (this.isOver || type !== 'file') return;
    if (name.startsWith(`${DIRECTORY}/manifest-`)) this.#pieces = [];
    else this.isOver = true;
  }

  content(bytes: Uint8Array): void {
    if (!this.isOver) this.#pieces?.push(Buffer.from(bytes));
  }

  /** A manifest has none. */
  hole(): void {
    this.isOver = true;
  }

  memberEnd(): void {
    if (this.isOver || this.#pieces === undefined) return;
    this.found = Buffer.concat(this.#pieces);
    this.isOver = true;
  }
}

function decode(file: string, text: Buffer): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text.toString()) as Manifest;
  } catch (error) {
    throw noPackage(file, error);
  }
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

/**
 * The installed package a path belongs to, with the libraries that wheels put beside it; else its
 * first two directories.
 */
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

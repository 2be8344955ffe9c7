/**
 * Writes a package file: manifest first, though only the end of the work tells what it says.
 *
 * So frames are written to a file beside the output as they are made, each source file being read
 * once; then the manifest's frame goes in front of them, and the result takes the output's name in
 * one step.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import type { Output } from './compress.ts';
import { type Context, checkCancelled } from './context.ts';
import { type Contents, type Frame, framesOf, manifestFrame } from './frames.ts';
import {
  contentDigest,
  encodeManifest,
  type FramePlace,
  type Manifest,
  manifestPath,
} from './manifest.ts';
import { ordered } from './ordered.ts';
import type { Tree } from './tree.ts';

const COPY_BYTES = 4 * 1024 * 1024;

/** The part of the manifest that is known before anything is written. */
export type Preface = Omit<
  Manifest,
  'files' | 'bytes' | 'digest' | 'frames' | 'entries' | 'warnings' | 'notRelocated'
>;

/** What can be said only when all contents have been seen. */
export type Conclusion = Pick<Manifest, 'warnings' | 'notRelocated'>;

export interface Written {
  manifest: Manifest;
  /** Of the package file. */
  packedBytes: number;
  /** Of the package file, in hexadecimal. */
  sha256: string;
}

/**
 * Writes `tree` to `output`; on any failure nothing is left of it.
 * @param width how many frames to compress at once
 * @param conclude called when all contents are known: says what became of them
 * @throws PythonMpiError NO_SPACE, SYSTEM, PACKAGE_UNREADABLE, CANCELLED
 */
export async function writePackage(
  tree: Tree,
  preface: Preface,
  output: Output,
  options: { level: number; width: number; conclude: (contents: Contents) => Promise<Conclusion> },
  context: Context,
): Promise<Written> {
  const { compression, file } = output;
  const directory = await mkdtemp(join(dirname(file), `.${preface.name}-`)).catch(error =>
    writing(file, error),
  );
  const squeeze = async ({ data, begins }: Frame) => ({
    begins,
    bytes: data.length,
    packed: await compression.compress(data, options.level),
  });
  try {
    const contents: Contents = { records: [], leftovers: [] };
    const frames: FramePlace[] = [];
    const spool = join(directory, 'frames');
    const body = await open(spool, 'w+');
    try {
      let offset = 0;
      for await (const { packed, bytes, begins } of ordered(
        framesOf(tree, preface.mtime, contents, context),
        options.width,
        squeeze,
      )) {
        await body.writeFile(packed);
        frames.push([offset, packed.length, bytes, begins ? 1 : 0]);
        offset += packed.length;
      }
      const files = contents.records.filter(entry => 'size' in entry);
      const manifest: Manifest = {
        ...preface,
        files: files.length,
        bytes: files.reduce((sum, { size }) => sum + size, 0),
        digest: contentDigest(contents.records),
        ...(await options.conclude(contents)),
        frames,
        entries: contents.records,
      };
      const first = await compression.compress(
        manifestFrame(manifestPath(preface.name), encodeManifest(manifest), preface.mtime),
        options.level,
      );
      const whole = join(directory, 'package');
      const sha256 = await assemble(whole, first, body, context);
      checkCancelled(context.signal);
      await rename(whole, file);
      return { manifest, packedBytes: first.length + offset, sha256 };
    } finally {
      await body.close();
    }
  } catch (error) {
    return writing(file, error);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Puts the manifest's frame in front of the others; returns the whole's SHA-256. */
async function assemble(
  whole: string,
  first: Buffer,
  body: FileHandle,
  { signal }: Context,
): Promise<string> {
  const hash = createHash('sha256');
  const target = await open(whole, 'w');
  try {
    hash.update(first);
    await target.writeFile(first);
    const buffer = Buffer.allocUnsafe(COPY_BYTES);
    for (let at = 0; ; ) {
      checkCancelled(signal);
      const { bytesRead } = await body.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      await target.writeFile(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return hash.digest('hex');
}

/** An error of the system while writing, as one the user understands. */
function writing(file: string, error: unknown): never {
  if (error instanceof PythonMpiError) throw error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    throw new PythonMpiError('NO_SPACE', `no space left to write ${file}`, { cause: error });
  }
  throw new PythonMpiError('SYSTEM', `${file} cannot be written: ${message}`, { cause: error });
}

/**
 * @throws PythonMpiError SYSTEM when the output cannot be where it is asked for, before any work is
 *   done
 */
export async function checkOutput(file: string): Promise<void> {
  const directory = await stat(dirname(file)).catch(() => undefined);
  if (directory?.isDirectory() !== true) {
    throw new PythonMpiError(
      'SYSTEM',
      `${file} cannot be written: ${dirname(file)} is no directory`,
    );
  }
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory() === true) throw new PythonMpiError('SYSTEM', `${file} is a directory`);
}

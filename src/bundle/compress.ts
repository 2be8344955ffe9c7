/**
 * The compression of a package file: gzip members, zstd frames, or none. Each frame stands alone,
 * so that frames are compressed and expanded on as many threads as there are, and any reader of the
 * format sees one stream.
 */
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { PythonMpiError } from '../errors.ts';

export interface Compression {
  name: 'gzip' | 'zstd' | 'none';
  suffix: '.tar.gz' | '.tar.zst' | '.tar';
  /** Lowest, default and highest level. */
  levels: readonly [number, number, number];
  /** One frame, the same bytes for the same input. */
  compress(frame: Buffer, level: number): Promise<Buffer>;
}

const deflateRaw = promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.deflateRaw);
const zstdCompress = promisify<zlib.InputType, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);

/**
 * RFC 1952: deflate, no flags, no time, no extra flags, unknown system. Written here because zlib's
 * own varies.
 */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

const GZIP: Compression = {
  name: 'gzip',
  suffix: '.tar.gz',
  levels: [1, 6, 9],
  async compress(frame, level) {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(zlib.crc32(frame), 0);
    trailer.writeUInt32LE(frame.length, 4);
    return Buffer.concat([GZIP_HEADER, await deflateRaw(frame, { level }), trailer]);
  },
};

const ZSTD: Compression = {
  name: 'zstd',
  suffix: '.tar.zst',
  levels: [1, 9, 19],
  compress(frame, level) {
    const params = {
      [zlib.constants.ZSTD_c_compressionLevel]: level,
      [zlib.constants.ZSTD_c_checksumFlag]: 1,
    };
    // The size is then in the frame's header, for readers that allocate by it.
    return zstdCompress(frame, { params, pledgedSrcSize: frame.length });
  },
};

const NONE: Compression = {
  name: 'none',
  suffix: '.tar',
  levels: [0, 0, 0],
  compress: frame => Promise.resolve(frame),
};

const BY_SUFFIX: readonly (readonly [string, Compression])[] = [
  ['.tar.gz', GZIP],
  ['.tgz', GZIP],
  ['.tar.zst', ZSTD],
  ['.tar', NONE],
];

export interface Output {
  /** With its suffix; `.tar.zst` when the user gave none. */
  file: string;
  /** The file's name without directory and suffix. */
  name: string;
  compression: Compression;
}

/**
 * What the name of the output asks for.
 * @throws PythonMpiError USAGE for another compression
 */
export function outputOf(file: string): Output {
  const name = file.slice(file.lastIndexOf('/') + 1);
  const [suffix, compression] = BY_SUFFIX.find(([end]) => name.endsWith(end)) ?? ['', ZSTD];
  // What begins with a digit is a version.
  if (suffix === '' && /\.(?:[A-Za-z][^.]*|7z)$|\.tar\.[^.]*$/.test(name)) {
    throw new PythonMpiError('USAGE', `cannot write ${name}`, {
      hint: 'use .tar.zst, .tar.gz or .tar',
    });
  }
  const stem = suffix === '' ? name : name.slice(0, -suffix.length);
  if (stem === '') throw new PythonMpiError('USAGE', `${file} names no file`);
  return { file: suffix === '' ? `${file}${compression.suffix}` : file, name: stem, compression };
}

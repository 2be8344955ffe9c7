/**
 * Decompression as a pump: compressed bytes in, plain bytes into memory the caller provides. Knows
 * the formats, not where bytes come from or go to.
 *
 * Node's documented zlib interfaces either want the whole input at once or allocate a buffer for
 * each piece of output and hop through the thread pool for it, which takes half as long again as
 * inflating does. In a thread of its own inflating may block, so this file drives the synchronous
 * handle below those interfaces, the same that `gunzipSync` drives. It is the only file that knows
 * of it, and {@link decompressor} says so plainly where a future Node should have moved it.
 */
import zlib from 'node:zlib';
import { PythonMpiError } from '../../errors.ts';
import { corrupt, unsupported } from '../../tar/fault.ts';
import { isZero } from '../../tar/fields.ts';
import type { PackageFormat } from '../package.ts';

/** What one {@link Decompressor.pump} did. */
export interface Pumped {
  consumed: number;
  produced: number;
}

export interface Decompressor {
  /**
   * Takes from `input`, writes to `output`, as much of both as possible. The result is overwritten
   * by the next call. Call again with an empty input while `output` came back full.
   * @throws PythonMpiError CORRUPT_PACKAGE, UNSUPPORTED_PACKAGE, without naming the package
   */
  pump(input: Uint8Array, output: Uint8Array): Pumped;
  /** After the last input. @throws PythonMpiError CORRUPT_PACKAGE when the data is not complete */
  finish(): void;
  /** Frees native memory. */
  close(): void;
}

/** The parts of a zlib stream object that its own synchronous functions are built on. */
interface SyncHandle {
  onerror(message: string, errno: number, code: string): void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
}
interface ZlibStream {
  _handle?: SyncHandle;
  /** After a write: bytes left of the output, bytes left of the input. */
  _writeState?: Uint32Array;
  close(): void;
}

const NOTHING = new Uint8Array(0);
/** `finish` flushes into this: a complete stream has nothing left to say. */
const SCRATCH = new Uint8Array(64);

/**
 * The largest window of zstd, as a power of two: so many bytes of memory one package may take on
 * each node while it is unpacked. That of zstd itself without options is 27, of `--long=31` 31.
 */
const ZSTD_WINDOW_LOG = 29;
const MB = 1 << 20;

const JOINED = 'where files were put behind each other, give each as a package of its own';

/** gzip (any number of members) or Zstandard (any number of frames). */
class HandleDecompressor implements Decompressor {
  readonly #stream: ZlibStream;
  readonly #handle: SyncHandle;
  readonly #state: Uint32Array;
  readonly #goOn: number;
  readonly #finish: number;
  readonly #pumped: Pumped = { consumed: 0, produced: 0 };
  readonly #mayBePadded: boolean;
  #error: PythonMpiError | undefined;
  /** Whether zeros have followed the end, behind which nothing else may come. */
  #isPadding = false;

  /** @param mayBePadded whether zeros may follow the end, as blocks of tapes and devices have it */
  constructor(stream: ZlibStream, goOn: number, finish: number, mayBePadded: boolean) {
    if (typeof stream._handle?.writeSync !== 'function' || stream._writeState === undefined) {
      throw new PythonMpiError(
        'NO_RUNTIME',
        `Node ${process.version} has no synchronous decompression handle`,
        { hint: 'use the Node this package brings, or pack as plain .tar' },
      );
    }
    this.#stream = stream;
    this.#handle = stream._handle;
    this.#state = stream._writeState;
    this.#goOn = goOn;
    this.#finish = finish;
    this.#mayBePadded = mayBePadded;
    // Without it Node would destroy the stream and abort the process at the next write.
    this.#handle.onerror = (message, _, code) => {
      this.#error ??= code.endsWith('windowTooLarge') ? windowTooLarge() : corrupt(message);
    };
  }

  pump(input: Uint8Array, output: Uint8Array): Pumped {
    const pumped = this.#isPadding ? this.#nothing() : this.#run(this.#goOn, input, output);
    if (input.length > 0 && pumped.consumed === 0 && pumped.produced === 0) {
      this.#isPadding = this.#mayBePadded && isZero(input);
      if (!this.#isPadding) {
        throw corrupt('there are bytes after the end of the compressed data', JOINED);
      }
      pumped.consumed = input.length;
    }
    return pumped;
  }

  #nothing(): Pumped {
    this.#pumped.consumed = 0;
    this.#pumped.produced = 0;
    return this.#pumped;
  }

  finish(): void {
    this.#run(this.#finish, NOTHING, SCRATCH);
  }

  close(): void {
    this.#stream.close();
  }

  #run(flush: number, input: Uint8Array, output: Uint8Array): Pumped {
    this.#handle.writeSync(flush, input, 0, input.length, output, 0, output.length);
    if (this.#error !== undefined) throw this.#error;
    this.#pumped.produced = output.length - this.#state[0]!;
    this.#pumped.consumed = input.length - this.#state[1]!;
    return this.#pumped;
  }
}

function windowTooLarge(): PythonMpiError {
  const most = 2 ** ZSTD_WINDOW_LOG / MB;
  return unsupported(
    `its zstd window is larger than the ${most} MiB of memory that unpacking may take for it`,
    `compress it with zstd --long=${ZSTD_WINDOW_LOG} or without --long`,
  );
}

/** A plain .tar goes through as it is. */
class Copy implements Decompressor {
  pump(input: Uint8Array, output: Uint8Array): Pumped {
    const count = Math.min(input.length, output.length);
    output.set(count === input.length ? input : input.subarray(0, count));
    return { consumed: count, produced: count };
  }
  finish(): void {}
  close(): void {}
}

/**
 * A decompressor for one package.
 * @throws PythonMpiError NO_RUNTIME when this Node cannot decompress the way this file does
 */
export function decompressor(format: PackageFormat): Decompressor {
  const { Z_NO_FLUSH, Z_FINISH, ZSTD_d_windowLogMax, ZSTD_e_continue, ZSTD_e_end } = zlib.constants;
  switch (format) {
    case 'tar':
      return new Copy();
    case 'tar.gz':
      return new HandleDecompressor(zlib.createGunzip() as ZlibStream, Z_NO_FLUSH, Z_FINISH, true);
    case 'tar.zst':
      return new HandleDecompressor(
        zlib.createZstdDecompress({
          params: { [ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
        }) as ZlibStream,
        ZSTD_e_continue,
        ZSTD_e_end,
        false,
      );
  }
}

import zlib from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../../src/errors.ts';
import type { PackageFormat } from '../../../src/stage/package.ts';
import { decompressor } from '../../../src/stage/unpack/inflate.ts';

/** Decompresses input that arrives in pieces, into memory of `room` bytes at a time. */
function inflate(format: PackageFormat, pieces: Buffer[], room: number): Buffer {
  const pump = decompressor(format);
  const output = Buffer.alloc(room);
  const parts: Buffer[] = [];
  try {
    for (const piece of pieces) {
      let rest = piece;
      for (let full = true; rest.length > 0 || full; ) {
        const { consumed, produced } = pump.pump(rest, output);
        parts.push(Buffer.from(output.subarray(0, produced)));
        rest = rest.subarray(consumed);
        full = produced === room;
      }
    }
    pump.finish();
  } finally {
    pump.close();
  }
  return Buffer.concat(parts);
}

function refuses(format: PackageFormat, bytes: Buffer): void {
  assert.throws(
    () => inflate(format, [bytes], 1000),
    (error: PythonMpiError) => error.code === 'CORRUPT_PACKAGE',
  );
}

const plain = Buffer.from(Array.from({ length: 300 }, (_, i) => `line ${i * i}\n`).join(''));
const half = plain.length >> 1;
const parts = [plain.subarray(0, half), plain.subarray(half)];

/** Formats, content packed with them, and the length of the first of several members or frames. */
const formats = Object.entries({
  'tar.gz': (bytes: Buffer) => zlib.gzipSync(bytes),
  'tar.zst': (bytes: Buffer) => zlib.zstdCompressSync(bytes),
}).flatMap(([format, compress]) => [
  { name: format, format: format as PackageFormat, bytes: compress(plain), first: 0 },
  {
    name: `${format} in two parts`,
    format: format as PackageFormat,
    bytes: Buffer.concat(parts.map(compress)),
    first: compress(parts[0]!).length,
  },
]);

const decompression = suite('decompression');

for (const { name, format, bytes, first } of formats) {
  decompression(`${name}: the same at every split, whatever room there is`, () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
      assert.ok(inflate(format, pieces, 1 << 16).equals(plain), `cut at ${cut}`);
    }
    for (const room of [1, 7, half, plain.length, plain.length + 1]) {
      assert.ok(inflate(format, [bytes], room).equals(plain), `room of ${room}`);
    }
  });

  decompression(`${name}: refused when it ends too early or too late`, () => {
    for (let length = 1; length < bytes.length; length++) {
      // To end after one of several members or frames is no error of the format.
      if (length !== first) refuses(format, bytes.subarray(0, length));
    }
    refuses(format, Buffer.concat([bytes, Buffer.from('garbage')]));
  });
}

decompression('gzip: zeros may follow the end, however they are cut, and nothing else', () => {
  const bytes = zlib.gzipSync(plain);
  const padded = Buffer.concat([bytes, Buffer.alloc(700)]);
  for (let cut = bytes.length - 2; cut <= padded.length; cut++) {
    const pieces = [padded.subarray(0, cut), padded.subarray(cut)];
    assert.ok(inflate('tar.gz', pieces, 1 << 16).equals(plain), `cut at ${cut}`);
  }
  refuses('tar.gz', Buffer.concat([padded, bytes]));
  assert.throws(() => inflate('tar.gz', [padded, bytes], 1000), /after the end/);
});

/** An empty frame that asks for a window of so many bytes, as a power of two (RFC 8878, 3.1.1). */
function frameOfWindow(log: number): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3]);
  const block = Buffer.from([1 | (5 << 3), 0, 0]);
  return Buffer.concat([header, block, Buffer.from('hello')]);
}

decompression('zstd: windows up to 512 MiB, and beyond it the remedy', () => {
  for (const log of [20, 27, 28, 29]) {
    assert.is(inflate('tar.zst', [frameOfWindow(log)], 100).toString(), 'hello');
  }
  for (const log of [30, 31]) {
    assert.throws(
      () => inflate('tar.zst', [frameOfWindow(log)], 100),
      (error: PythonMpiError) =>
        error.code === 'UNSUPPORTED_PACKAGE' && /512 MiB.*--long=29/.test(error.toLine()),
    );
  }
});

decompression('a plain archive goes through as it is', () => {
  assert.ok(inflate('tar', parts, 100).equals(plain));
});

decompression.run();

/**
 * The first thread of unpacking: takes compressed bytes from one ring, checks their SHA-256 against
 * what was announced, and puts the plain tar bytes into another, with a mark behind each package.
 *
 * The last mark, that is the end of the archive, is only set when the digest was right: so the other
 * thread cannot finish a package that is not what the root announced.
 */
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { PythonMpiError } from '../errors.ts';
import { decompressor } from './inflate.ts';
import type { PackageSpec } from './package.ts';
import { type RingMemory, RingReader, RingWriter } from './ring.ts';
import { runThread } from './thread.ts';

export interface InflateTask {
  packages: PackageSpec[];
  compressed: RingMemory;
  plain: RingMemory;
}

/** Bytes per step: large enough to keep calls rare, small enough to keep both threads busy. */
const STEP = 256 * 1024;

function inflate(spec: PackageSpec, compressed: RingReader, plain: RingWriter): void {
  const hash = createHash('sha256');
  const pump = decompressor(spec.format);
  try {
    for (let left = spec.size; left > 0; ) {
      const data = compressed.waitForData(Math.min(STEP, left));
      if (data.length === 0) {
        throw new PythonMpiError('CORRUPT_PACKAGE', `${left} of ${spec.size} bytes did not arrive`);
      }
      hash.update(data);
      let consumed = 0;
      let full = false;
      while (consumed < data.length || full) {
        const space = plain.waitForSpace(STEP);
        const pumped = pump.pump(data.subarray(consumed), space);
        consumed += pumped.consumed;
        full = pumped.produced === space.length;
        if (pumped.produced > 0) plain.commit(pumped.produced);
      }
      compressed.release(data.length);
      left -= data.length;
    }
    pump.finish();
  } finally {
    pump.close();
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== spec.sha256) {
    throw new PythonMpiError(
      'CORRUPT_PACKAGE',
      `SHA-256 is ${sha256} where ${spec.sha256} was announced`,
    );
  }
}

const task = workerData as InflateTask;
const compressed = new RingReader(task.compressed);
const plain = new RingWriter(task.plain);
runThread(parentPort!, [compressed, plain], current => {
  for (const spec of task.packages) {
    current.package = spec;
    inflate(spec, compressed, plain);
    plain.mark();
  }
});

/**
 * Decompresses packages in a thread of its own: takes their bytes from one ring and puts the plain
 * tar bytes into another, with a mark behind each package. What it gets has been checked.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { PackageFormat, PackageSpec } from '../package.ts';
import { decompressor } from './inflate.ts';
import { type RingMemory, RingReader, RingWriter } from './ring.ts';
import { runThread } from './thread.ts';

export interface InflateTask {
  packages: PackageSpec[];
  compressed: RingMemory;
  plain: RingMemory;
}

/** Bytes per step: large enough to keep calls rare, small enough to keep both threads busy. */
const STEP = 256 * 1024;

const task = workerData as InflateTask;
const compressed = new RingReader(task.compressed);
const plain = new RingWriter(task.plain);

/** Decompresses the next package, number `index`. */
function inflate(format: PackageFormat, index: number): void {
  const pump = decompressor(format);
  try {
    for (;;) {
      const data = compressed.waitForData(STEP, index);
      if (data.length === 0) break;
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
    }
    pump.finish();
  } finally {
    pump.close();
  }
}

runThread(parentPort!, [compressed, plain], current => {
  for (const [index, spec] of task.packages.entries()) {
    current.package = spec;
    inflate(spec.format, index);
    plain.mark();
  }
});

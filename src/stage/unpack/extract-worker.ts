/**
 * Puts the members of packages on disk, in a thread of its own: takes plain tar bytes from a ring.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { TarReader } from '../../tar/read.ts';
import type { PackageSpec } from '../package.ts';
import { type Extracted, Extractor } from './extract.ts';
import { type RingMemory, RingReader } from './ring.ts';
import { runThread } from './thread.ts';

export interface ExtractTask {
  packages: PackageSpec[];
  plain: RingMemory;
  /** Absolute; empty so far. */
  directory: string;
  umask: number;
  permissions: number | undefined;
}

/** Bytes per step: a large file is written in pieces of this size. */
const STEP = 1024 * 1024;

const task = workerData as ExtractTask;
const plain = new RingReader(task.plain);
runThread(parentPort!, [plain], (current): Extracted => {
  const extractor = new Extractor(task.directory, task.umask, task.permissions);
  try {
    for (const [index, spec] of task.packages.entries()) {
      current.package = spec;
      const reader = new TarReader(extractor);
      for (;;) {
        const data = plain.waitForData(STEP, index);
        if (data.length === 0) break;
        reader.push(data);
        plain.release(data.length);
      }
      reader.end();
    }
    return extractor.finish();
  } finally {
    extractor.close();
  }
});

/**
 * Whether the packages fit, asked before the first byte is written.
 */
import { statfsSync } from 'node:fs';
import { PythonMpiError } from '../errors.ts';
import { isInMemory, memoryLeft } from './memory-limit.ts';
import { chrootError } from './system-error.ts';

const MB = 1e6;

/**
 * Bytes that are free for us; Infinity where there is no limit.
 * @throws PythonMpiError CHROOT_UNUSABLE, SYSTEM
 */
export function freeSpace(directory: string): number {
  try {
    const { blocks, bavail, bsize } = statfsSync(directory);
    // A tmpfs without limit, or a ramfs, claims to have no blocks at all.
    return blocks === 0 ? Infinity : bavail * bsize;
  } catch (error) {
    throw chrootError(error, `ask for the free space of ${directory}`);
  }
}

/**
 * @param directory on the file system in question
 * @param needed bytes; an estimate, so running out later is still possible
 * @throws PythonMpiError NO_SPACE naming needed and free megabytes; CHROOT_UNUSABLE, SYSTEM
 */
export function checkSpace(directory: string, needed: number): void {
  const need = Math.ceil(needed / MB);
  const free = freeSpace(directory);
  if (free < needed) {
    const has = Math.floor(free / MB);
    throw new PythonMpiError(
      'NO_SPACE',
      `${directory} has ${has} MB free where ${need} MB are needed`,
    );
  }
  if (!isInMemory(directory)) return;
  const left = memoryLeft();
  if (left >= needed) return;
  throw new PythonMpiError(
    'NO_SPACE',
    `the memory limit of this job leaves ${Math.floor(left / MB)} MB for ${directory} ` +
      `where ${need} MB are needed`,
    { hint: 'ask for more memory per node or choose a directory on a node-local disk' },
  );
}

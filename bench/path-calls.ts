/**
 * Counts the system calls that resolve a path on the shared file system: what a metadata server
 * would see of a rank. Everything below /proc, /sys, /dev and the operating system's own
 * directories is each node's own.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SHARED } from './package.ts';
import { outputOf, type Slurm } from './timing.ts';

const LOCAL = /^\/(proc|sys|dev|etc|lib|lib64|usr|bin|sbin|run|tmp|var)(\/|$)/;

/**
 * Calls of one rank, traced with `strace -f -e trace=%file`. A path relative to the working
 * directory counts, since that is shared; one relative to an open directory does not, since only
 * node-local directories are walked like that.
 * @param shared what lies on the shared file system although its name looks like the operating
 *   system's
 */
export function sharedCalls(trace: string, shared: readonly string[] = []): string[] {
  return trace.split('\n').filter(line => {
    const path = /^\d+ +\w+\((?:AT_FDCWD, )?"([^"]*)"/.exec(line)?.[1];
    if (path === undefined || path === '') return false;
    return !LOCAL.test(path) || shared.some(directory => path.startsWith(directory));
  });
}

/**
 * Runs a command as 2 ranks on each of 4 nodes under strace.
 * @returns calls of each rank that leads its node, and of each that does not
 */
export async function pathCalls(
  slurm: Slurm,
  command: string,
): Promise<{ leaders: number[]; others: number[] }> {
  const directory = mkdtempSync(join(SHARED, 'trace-'));
  const traced = `strace -f -qq -e trace=%file -o ${directory}/$SLURM_PROCID ${command}`;
  try {
    await outputOf(slurm(`srun --mpi=none -n8 --ntasks-per-node=2 sh -c '${traced}'`));
    const counts = (even: boolean) =>
      globSync(`${directory}/*`)
        .filter(file => (Number(file.split('/').pop()) % 2 === 0) === even)
        .map(file => sharedCalls(readFileSync(file, 'latin1')).length);
    return { leaders: counts(true), others: counts(false) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

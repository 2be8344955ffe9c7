/**
 * Where a Node program's time goes, by thread and function, as V8's own sampling profiler sees it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from './table.ts';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

/** Functions in which a thread only waits. */
const WAITING = /^(\(idle\)|waitForData|waitForSpace)$/;
/** What takes less than this in all is not shown, in milliseconds. */
const LEAST_MS = 4;

/**
 * Runs a program once under the profiler.
 * @param args of Node: the program and its arguments
 * @param threads names, in the order in which the program starts them; the main one is first
 * @returns rows of milliseconds, those of each thread in order of size
 */
export function profile(args: readonly string[], threads: readonly string[]): Row[] {
  const directory = mkdtempSync('/dev/shm/python-mpi-profile-');
  try {
    const options = ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${directory}`];
    execFileSync(process.execPath, [...options, ...args], { stdio: 'ignore' });
    return readdirSync(directory).flatMap(file => {
      // CPU.<date>.<time>.<process>.<thread>.<number>.cpuprofile
      const thread = threads[Number(file.split('.')[4])] ?? file;
      return rowsOf(thread, JSON.parse(readFileSync(join(directory, file), 'utf8')));
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function rowsOf(thread: string, { nodes, samples, timeDeltas }: CpuProfile): Row[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const sums = new Map<string, number>();
  for (const [index, sample] of samples.entries()) {
    const name = names.get(sample)!;
    sums.set(name, (sums.get(name) ?? 0) + timeDeltas[index]! / 1000);
  }
  return [...sums]
    .filter(([name, ms]) => ms >= LEAST_MS && !WAITING.test(name))
    .sort(([, a], [, b]) => b - a)
    .map(([name, ms]) => ({ what: `${thread}: ${name}`, against: 'ms', values: [ms] }));
}

/** Native code that no function stands for is V8 itself, and system calls of Node's own start. */
function nameOf({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): string {
  if (functionName === '(program)') return 'outside of JavaScript';
  return functionName || `start of ${url.split('/').pop() || 'the program'}`;
}

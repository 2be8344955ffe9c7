/**
 * The real thing: compiles MPI programs with MPICH, and runs programs under its launcher.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How `mpiexec` ended, and what its ranks printed, sorted. */
export interface Run {
  readonly status: number | null;
  readonly lines: string[];
}

/** Compiles a program of test/fixtures/ into a directory that goes when this process does. */
export function compile(source: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'python-mpi-test-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const program = join(directory, 'program');
  const path = fileURLToPath(new URL(`../fixtures/${source}`, import.meta.url));
  execFileSync('mpicc.mpich', ['-O1', '-o', program, path]);
  return program;
}

/** Runs `mpiexec.hydra` with these arguments. */
export function mpiexec(...args: string[]): Promise<Run> {
  const child = spawn('mpiexec.hydra', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', status =>
      resolve({ status, lines: output.split('\n').filter(Boolean).sort() }),
    );
  });
}

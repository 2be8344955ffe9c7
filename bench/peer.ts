/** The C programs of this directory: the ways of old that comparisons are with. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SHARED } from './package.ts';

/**
 * Compiles an MPI program with MPICH.
 * @param name of its source here, without suffix
 * @returns its path, which the nodes of a cluster see too
 */
export function compilePeer(name: string, ...libraries: string[]): string {
  mkdirSync(SHARED, { recursive: true });
  const program = join(SHARED, name);
  const source = fileURLToPath(new URL(`./${name}.c`, import.meta.url));
  execFileSync('mpicc.mpich', ['-O2', '-o', program, source, ...libraries.map(l => `-l${l}`)]);
  return program;
}

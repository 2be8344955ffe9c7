/**
 * What becomes of a job under Slurm whose nodes cannot share a secret, because of one of them: one
 * line, and an end. A node's broken MUNGE is a `munge` in front of the real one, so that Slurm,
 * which needs it too, still works there.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pythonPackage } from '../support/python-package.ts';
import { type Cluster, type Finished, PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const secrets = suite('secrets');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? secrets : secrets.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const WHERE = `
import os, socket
import numpy
os.write(1, (socket.gethostname() + "\\n").encode())
`;

/** Runs a script on two ranks of each of two nodes, through a command. */
function srun(
  cluster: Cluster,
  through: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  const script = `${cluster.shared}/script.py`;
  writeFileSync(script, WHERE);
  const args = ['--mpi=none', '-N2', '-n4', '--ntasks-per-node=2', ...through];
  return cluster.run('srun', [...args, `${PROJECT}/bin/python-mpi`, script], {
    env: { PYTHON_MPI_PACKAGES: pythonPackage(), PYTHON_MPI_KEEP: '1', ...env },
  });
}

/**
 * A command that, on one node, has its command find this script as `munge`, and sets variables
 * there.
 */
function broken(cluster: Cluster, node: string, script: string): string[] {
  const directory = `${cluster.shared}/broken`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/munge`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const there = `[ $(hostname) != ${node} ] || export PATH=${directory}:$PATH; exec "$@"`;
  return ['sh', '-c', there, 'sh'];
}

const told = ({ stderr }: Finished) =>
  stderr.split('\n').filter(line => line.startsWith('python-mpi: '));

const onTwoNodes = (body: (cluster: Cluster) => Promise<void>) => () =>
  withCluster(2, body, { slurm: true });

test(
  'MUNGE that works on one node only, or refuses what comes from there, is one line and the end of all ranks',
  onTwoNodes(async cluster => {
    const down = 'exec /usr/bin/munge "$@" --socket=/nowhere';
    for (const node of cluster.nodes) {
      const run = await srun(cluster, broken(cluster, node, down));
      assert.is.not(run.status, 0);
      assert.is(run.stdout, '');
      assert.is(told(run).length, 1, run.stderr);
      const line = new RegExp(`munge failed .*/nowhere.* on ${node}; .*\\[NO_SECRET\\]$`);
      assert.match(told(run)[0]!, line);
    }
    // Where Slurm is of no use to end the job either, the root waits for the node, and no longer
    // than it may.
    const mute = ['sh', '-c', '[ $(hostname) != n1 ] || unset SLURM_CONF; exec "$@"', 'sh'];
    const missed = await srun(cluster, mute, { PYTHON_MPI_TIMEOUT: '5' });
    assert.is.not(missed.status, 0);
    assert.match(missed.stderr, /there is no MUNGE on n1; .*\[NO_SECRET\]$/m);
    assert.match(missed.stderr, /\[(PEER_LOST|TIMEOUT)\]$/m);
    // The first credential of a rank has expired when it is shown, and all others were used before.
    const stale = `
/usr/bin/munge "$@" --ttl=1 >/tmp/$$
if mkdir /tmp/again-$PPID 2>/dev/null; then sleep 2.5; else unmunge "$1" </tmp/$$ >/tmp/used-$$; fi
cat /tmp/$$`;
    const run = await srun(cluster, broken(cluster, 'n1', stale), { PYTHON_MPI_TIMEOUT: '12' });
    assert.is.not(run.status, 0);
    assert.is(run.stdout, '');
    assert.is(told(run).length, 1, run.stderr);
    assert.match(
      told(run)[0]!,
      /n0 takes no credential of MUNGE from this node on n1; .*unmunge \[NO_SECRET\]$/,
    );
    assert.equal(await cluster.leftovers(), []);
  }),
);

secrets.run();

/**
 * Nodes that reach each other by IPv6 only, each with an interface that leads nowhere besides the
 * one that leads to the others: which addresses are published, and how the user has a say.
 */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pythonPackage } from '../support/python-package.ts';
import {
  type Cluster,
  type Finished,
  type Launcher,
  PROJECT,
  whyNoCluster,
  withCluster,
} from './cluster.ts';

const addresses = suite('addresses');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? addresses : addresses.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const HYDRA = ['-n', '4', '-ppn', '2'];
const SRUN = ['--mpi=none', '-N2', '-n4', '--ntasks-per-node=2'];
const OPENMPI = ['-n', '4', '-N', '2'];
const WHERE = `
import os, socket
import numpy
os.write(1, (socket.gethostname() + "\\n").encode())
`;

function run(
  cluster: Cluster,
  launcher: Launcher,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  const script = `${cluster.shared}/script.py`;
  writeFileSync(script, WHERE);
  const settings = { PYTHON_MPI_PACKAGES: pythonPackage(), PYTHON_MPI_VERBOSE: '1', ...env };
  // mpirun passes on what it is told to.
  const passed = launcher === 'openmpi' ? Object.keys(settings).flatMap(name => ['-x', name]) : [];
  const program = [`${PROJECT}/bin/python-mpi`, script];
  return cluster.run(launcher, [...args, ...passed, ...program], { env: settings });
}

/**
 * A network of the node's own, as a management controller has one: with the same address on every
 * node.
 */
async function addDeadEnd(cluster: Cluster, node: string): Promise<void> {
  const commands =
    'ip link add bmc0 type veth peer name bmc1 && ip address add 192.168.77.1/24 dev bmc0 && ' +
    'ip link set bmc0 up && ip link set bmc1 up';
  assert.is((await cluster.on(node, ['sh', '-c', commands])).status, 0);
}

const complaints = ({ stderr }: Finished) =>
  stderr.split('\n').filter(line => /^python-mpi: [^[]/.test(line));

test('nodes find each other by IPv6, past an interface that leads nowhere', () =>
  withCluster(
    2,
    async cluster => {
      for (const node of cluster.nodes) await addDeadEnd(cluster, node);
      for (const [launcher, args] of [
        ['hydra', HYDRA],
        ['srun', SRUN],
        ['openmpi', OPENMPI],
      ] as const) {
        const { status, stdout, stderr } = await run(cluster, launcher, args);
        assert.is(status, 0, `${launcher}: ${stderr}`);
        assert.equal(stdout.split('\n').filter(Boolean).sort(), ['n0', 'n0', 'n1', 'n1'], launcher);
        assert.match(stderr, /parent is position 0 on n0, fd77::1:\d+$/m, launcher);
      }
      const chosen = await run(cluster, 'hydra', HYDRA, { PYTHON_MPI_INTERFACE: 'eth0' });
      assert.is(chosen.status, 0, chosen.stderr);
      // The choice is obeyed, to the end.
      const dead = await run(cluster, 'hydra', HYDRA, {
        PYTHON_MPI_INTERFACE: 'bmc0',
        PYTHON_MPI_TIMEOUT: '3',
      });
      assert.ok([69, 75].includes(dead.status), dead.stderr);
      assert.match(dead.stderr, /cannot reach position 0: .*192\.168\.77\.1/);

      for (const [launcher, args] of [
        ['hydra', HYDRA],
        ['openmpi', OPENMPI],
        ['srun', SRUN],
      ] as const) {
        const wrong = await run(cluster, launcher, args, { PYTHON_MPI_INTERFACE: 'ib9' });
        assert.is.not(wrong.status, 0, launcher);
        assert.is(complaints(wrong).length, 1, wrong.stderr);
        assert.match(
          complaints(wrong)[0]!,
          /no interface 'ib9' with an address on n0; .* lo, eth0, bmc0, bmc1 \[USAGE\]$/,
        );
      }
      assert.equal(await cluster.leftovers(), []);
    },
    { slurm: true, ipv6: true },
  ));

addresses.run();

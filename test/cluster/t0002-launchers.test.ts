/**
 * The launchers of the cluster in a box: that every one the later tests rely on starts what it is
 * told to, where it is told to, with the environment that it is known for.
 */
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Cluster, PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const launchers = suite('launchers');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? launchers : launchers.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const TWO_PER_NODE = ['0 n0', '1 n0', '2 n1', '3 n1', '4 n2', '5 n2', '6 n3', '7 n3'];

/** Non-empty lines, sorted: ranks print in any order. */
function lines(text: string): string[] {
  return text.split('\n').filter(Boolean).sort();
}

/** Compiles the MPI program of the fixtures where all nodes see it. */
function compile(cluster: Cluster, compiler: string): string {
  const program = `${cluster.shared}/mpi-sum.${compiler}`;
  const { status, stderr } = spawnSync(
    compiler,
    ['-o', program, `${PROJECT}/test/fixtures/mpi-sum.c`],
    { encoding: 'utf8' },
  );
  assert.is(status, 0, stderr);
  return program;
}

test('Hydra runs MPICH programs across the nodes', () =>
  withCluster(4, async cluster => {
    const program = compile(cluster, 'mpicc.mpich');
    const placed = await cluster.run('hydra', [
      '-n',
      '8',
      '-ppn',
      '2',
      'sh',
      '-c',
      'echo $PMI_RANK $(hostname)',
    ]);
    assert.equal(lines(placed.stdout), TWO_PER_NODE);
    const { status, stdout, stderr } = await cluster.run('hydra', [
      '-n',
      '8',
      '-ppn',
      '2',
      program,
    ]);
    assert.is(status, 0, stderr);
    assert.is(lines(stdout).length, 8, stdout);
    assert.equal(await cluster.leftovers(), []);
  }));

test('mpirun runs Open MPI programs across the nodes', () =>
  withCluster(4, async cluster => {
    const program = compile(cluster, 'mpicc.openmpi');
    const echo = [
      'sh',
      '-c',
      'echo $OMPI_COMM_WORLD_RANK $(hostname); env | grep -c ^PMIX_SERVER_URI41=',
    ];
    const placed = await cluster.run('openmpi', ['-n', '8', '-N', '2', ...echo]);
    assert.equal(lines(placed.stdout), [...TWO_PER_NODE, ...Array(8).fill('1')].sort());
    const { status, stdout, stderr } = await cluster.run('openmpi', [
      '-n',
      '8',
      '-N',
      '2',
      program,
    ]);
    assert.is(status, 0, stderr);
    assert.is(lines(stdout).length, 8, stdout);
    assert.equal(await cluster.leftovers(), []);
  }));

// What a rank sees of each of Slurm's ways to start MPI, besides SLURM_*.
const SLURM_KINDS: Record<string, { present: string[]; absent: string[] }> = {
  none: { present: [], absent: ['PMI_FD', 'PMIX_RANK', 'PALS_RANKID', 'SLURM_MPI_TYPE'] },
  pmi2: { present: ['PMI_FD', 'PMI_RANK', 'PMI_SIZE', 'PMI_JOBID'], absent: ['PMIX_RANK'] },
  pmix: { present: ['PMIX_NAMESPACE', 'PMIX_RANK', 'SLURM_PMIX_MAPPING_SERV'], absent: ['PMI_FD'] },
  cray_shasta: {
    present: ['PALS_APID', 'PALS_APINFO', 'PALS_RANKID', 'PALS_NODEID'],
    absent: ['PMI_FD'],
  },
};

test('srun starts tasks of every kind across the nodes', () =>
  withCluster(
    4,
    async cluster => {
      for (const [kind, { present, absent }] of Object.entries(SLURM_KINDS)) {
        const script = 'echo "# $SLURM_PROCID $(hostname)"; env';
        const args = [`--mpi=${kind}`, '-N4', '-n8', '--ntasks-per-node=2', 'sh', '-c', script];
        const { status, stdout, stderr } = await cluster.run('srun', args);
        assert.is(status, 0, `${kind}: ${stderr}`);
        const printed = stdout.split('\n');
        const placed = printed.filter(line => line.startsWith('# ')).map(line => line.slice(2));
        assert.equal(placed.sort(), TWO_PER_NODE, kind);
        const times = (name: string) => printed.filter(line => line.startsWith(`${name}=`)).length;
        for (const name of ['SLURM_PROCID', 'SLURM_STEP_NODELIST', ...present]) {
          assert.is(times(name), 8, `${kind}: ${name}`);
        }
        for (const name of absent) assert.is(times(name), 0, `${kind}: ${name}`);
      }
      assert.equal(await cluster.leftovers(), []);
    },
    { slurm: true },
  ));

test('the stand-in for aprun gives a rank what ALPS gives it', () =>
  withCluster(4, async cluster => {
    const script =
      'echo $ALPS_APP_PE $(hostname); echo depth $ALPS_APP_DEPTH; echo id $ALPS_APP_ID';
    const { stdout } = await cluster.run('aprun', [
      '-n',
      '8',
      '-N',
      '2',
      '-d',
      '3',
      'sh',
      '-c',
      script,
    ]);
    const printed = lines(stdout);
    assert.equal(printed.slice(0, 8), TWO_PER_NODE);
    assert.equal(printed.slice(8, 16), Array(8).fill('depth 3'));
    assert.is(new Set(printed.slice(16)).size, 1);
    const failing = await cluster.run('aprun', [
      '-n',
      '4',
      '-N',
      '1',
      'sh',
      '-c',
      'exit $ALPS_APP_PE',
    ]);
    assert.is(failing.status, 3);
    const fatal = '[ $ALPS_APP_PE -ne 2 ] || kill -9 $$; sleep 60';
    const killed = await cluster.run('aprun', ['-n', '4', '-N', '1', 'sh', '-c', fatal]);
    assert.is(killed.status, 137);
    assert.equal(await cluster.leftovers(), []);
  }));

launchers.run();

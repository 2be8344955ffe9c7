import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import { PythonMpiError } from '../../../src/errors.ts';
import { silent } from '../../../src/log.ts';
import { detect } from '../../../src/pmi/detect.ts';
import type { LauncherSession } from '../../../src/pmi/launcher.ts';
import { secretOrigin } from '../../../src/pmi/secret.ts';

/** The environment of a task of `srun -N4 -n8` on n[0-3], as Slurm 22.05 sets it. */
function task(rank: number, node: number, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    SLURM_JOB_ID: '89',
    SLURM_STEP_ID: '0',
    SLURM_PROCID: String(rank),
    SLURM_NODEID: String(node),
    SLURM_NTASKS: '8',
    SLURM_STEP_NUM_TASKS: '8',
    SLURM_STEP_NODELIST: 'n[0-3]',
    SLURM_STEP_TASKS_PER_NODE: '5,1(x3)',
    ...more,
  };
}

function open(env: NodeJS.ProcessEnv): Promise<LauncherSession> {
  const launcher = detect(env, silent);
  assert.is(launcher.name, 'slurm');
  return launcher.open(Deadline.after(60_000));
}

async function placed(
  env: NodeJS.ProcessEnv,
): Promise<[nodes: readonly number[], hosts: readonly string[]]> {
  const { placement, hosts } = await open(env);
  return [placement.nodes!, hosts!];
}

async function refused(env: NodeJS.ProcessEnv, message: RegExp): Promise<void> {
  const error = await open(env).catch(thrown => thrown);
  assert.instance(error, PythonMpiError);
  assert.is(error.code, 'LAUNCHER');
  assert.match(error.message, message);
}

function isSocket(descriptor: string): boolean {
  return statSync(`/proc/self/fd/${descriptor}`, { throwIfNoEntry: false })?.isSocket() ?? false;
}

const inOrder = ['n0', 'n1', 'n2', 'n3'];
const slurm = suite('slurm');

slurm('rank, size, hosts and the name of the step', async () => {
  const { placement, hosts, jobId, kvs, handOver, endCommand } = await open(task(6, 2));
  assert.equal(placement, { rank: 6, size: 8, nodes: [0, 0, 0, 0, 0, 1, 2, 3] });
  assert.equal(hosts, inOrder);
  assert.is(jobId, '89.0');
  assert.is(endCommand, 'scancel --quiet --signal=TERM 89.0');
  assert.is(kvs, undefined);
  assert.equal(handOver, { env: {}, descriptor: undefined, parentMustStay: false });
});

slurm('every distribution', async () => {
  const block = [0, 0, 0, 0, 0, 1, 2, 3];
  const dealt = [0, 1, 2, 3, 0, 0, 0, 0];
  const cases: [distribution: string | undefined, last: number, nodes: number[]][] = [
    [undefined, 3, block],
    ['block', 3, block],
    ['block:cyclic', 3, block],
    ['cyclic', 0, dealt],
    ['cyclic:block', 0, dealt],
    ['plane=2', 0, [0, 0, 1, 2, 3, 0, 0, 0]],
  ];
  for (const [SLURM_DISTRIBUTION, last, nodes] of cases)
    assert.equal(await placed(task(7, last, { SLURM_DISTRIBUTION })), [nodes, inOrder]);
  // srun says it in two variables.
  const planes = { SLURM_DISTRIBUTION: 'plane', SLURM_DIST_PLANESIZE: '2' };
  assert.equal(await placed(task(7, 0, planes)), [[0, 0, 1, 2, 3, 0, 0, 0], inOrder]);
});

slurm('--mpi=pmi2: the descriptor goes to Python, unspoken on', async () => {
  const pmi2 = { PMI_RANK: '0', PMI_SIZE: '8', PMI_JOBID: '89.0' };
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const socket = readdirSync('/proc/self/fd').find(isSocket)!;
  const { handOver, kvs } = await open(task(0, 0, { ...pmi2, PMI_FD: socket }));
  listener.close();
  assert.equal(handOver, { env: {}, descriptor: Number(socket), parentMustStay: false });
  assert.is(kvs, undefined);
  await refused(task(0, 0, { ...pmi2, PMI_FD: '999' }), /PMI_FD=999 is no open socket/);
});

slurm('--mpi=pmix: the mapping says where the ranks are, also with -m arbitrary', async () => {
  const env = task(0, 2, {
    SLURM_DISTRIBUTION: 'arbitrary',
    SLURM_STEP_TASKS_PER_NODE: '2,1,3,2',
    SLURM_PMIX_MAPPING_SERV: '(vector,(2,1,1),(0,1,1),(2,2,1),(1,1,1),(0,1,1),(3,1,1),(2,1,1))',
    PMIX_RANK: '0',
    PMIX_NAMESPACE: 'slurm.pmix.89.0',
    PYTHON_MPI_SECRET: 'x',
  });
  assert.equal(await placed(env), [
    [0, 1, 0, 2, 3, 1, 2, 0],
    ['n2', 'n0', 'n3', 'n1'],
  ]);
});

slurm('--mpi=pmix where there is neither a secret nor MUNGE: the store is worth more', () => {
  const directory = mkdtempSync(join(tmpdir(), 'python-mpi-test-'));
  try {
    const SLURM_CONF = join(directory, 'slurm.conf');
    const env = task(0, 0, {
      PMIX_RANK: '0',
      PMIX_NAMESPACE: 'slurm.pmix.89.0',
      PMIX_SERVER_URI41: 'pmix-server.1;tcp4://127.0.0.1:1',
      SLURM_CONF,
    });
    const munge = join(directory, 'munge');
    writeFileSync(SLURM_CONF, `#AuthInfo=socket=/x\nAuthInfo=ttl=60,socket=${munge} # ours\n`);
    if (!existsSync('/run/munge/munge.socket.2')) {
      const story: string[] = [];
      assert.is(detect(env, line => story.push(line)).name, 'pmix');
      assert.ok(story.some(line => /^launcher slurm: without a secret and MUNGE/.test(line)));
    }
    writeFileSync(munge, '');
    assert.is(detect(env, silent).name, 'slurm');
    assert.equal(secretOrigin(env), { munge });
    const given = { ...env, PYTHON_MPI_SECRET: 's' };
    assert.equal(secretOrigin(given), { variable: 'PYTHON_MPI_SECRET', value: 's', least: 16 });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

slurm('-m arbitrary: the host file says where the ranks are', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'python-mpi-test-'));
  try {
    const SLURM_HOSTFILE = join(directory, 'hosts');
    writeFileSync(SLURM_HOSTFILE, 'n2\nn0\nn[2-3]\nn1\nn0\nn3\nn2\n');
    const env = task(3, 3, {
      SLURM_DISTRIBUTION: 'arbitrary',
      SLURM_STEP_TASKS_PER_NODE: '2,1,3,2',
      SLURM_HOSTFILE,
    });
    assert.equal(await placed(env), [
      [0, 1, 0, 2, 3, 1, 2, 0],
      ['n2', 'n0', 'n3', 'n1'],
    ]);
    // More lines than ranks, counts, comments and lists, as Slurm takes them.
    writeFileSync(SLURM_HOSTFILE, '# mine\nn2 n0\nn[2-3],n1\nn0 # again\nn3\nn2\nn2\n');
    assert.equal((await placed(env))[0], [0, 1, 0, 2, 3, 1, 2, 0]);
    writeFileSync(SLURM_HOSTFILE, 'n2*3\nn0*2\nn1,n3*2\n');
    const counted = { ...env, SLURM_PROCID: '3', SLURM_NODEID: '0' };
    assert.equal((await placed(counted))[0], [0, 0, 0, 1, 1, 2, 3, 3]);
    writeFileSync(SLURM_HOSTFILE, 'n2\n'.repeat(8));
    await refused(env, /contradict/);
    writeFileSync(SLURM_HOSTFILE, 'm2\n'.repeat(8));
    await refused(env, /contradict/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

slurm('-m arbitrary -w LIST: the list is in the environment, and in its own order', async () => {
  const env = task(0, 2, {
    SLURM_DISTRIBUTION: 'arbitrary',
    SLURM_STEP_TASKS_PER_NODE: '2,1,3,2',
    SLURM_ARBITRARY_NODELIST: 'n2,n0,n[2-3],n1,n0,n3,n2',
  });
  assert.equal(await placed(env), [
    [0, 1, 0, 2, 3, 1, 2, 0],
    ['n2', 'n0', 'n3', 'n1'],
  ]);
  // Without one the ranks know no more than that they are some.
  const method = detect({ ...env, SLURM_ARBITRARY_NODELIST: undefined, HOME: '/home/u' }, () => {});
  const session = await method.open(Deadline.after(5000));
  assert.equal(session.placement, { rank: 0, size: 8, nodes: undefined });
  assert.is(session.rendezvousFile?.directory, '/home/u/.python-mpi');
  const alone = task(1, 0, {
    SLURM_DISTRIBUTION: 'arbitrary',
    SLURM_NTASKS: '3',
    SLURM_STEP_NUM_TASKS: '3',
    SLURM_STEP_NODELIST: 'n0',
    SLURM_STEP_TASKS_PER_NODE: '3',
  });
  assert.equal(await placed(alone), [[0, 0, 0], ['n0']]);
});

slurm('-m arbitrary without a host file within reach is refused', () =>
  refused(
    task(0, 0, { SLURM_DISTRIBUTION: 'arbitrary', SLURM_HOSTFILE: '/nowhere/hosts' }),
    /cannot read SLURM_HOSTFILE/,
  ),
);

slurm('a heterogeneous step is one job', async () => {
  const env = task(4, 2, {
    SLURM_HET_SIZE: '2',
    SLURM_NTASKS: '5',
    SLURM_STEP_NUM_TASKS: '1',
    SLURM_STEP_NODELIST: 'n[0-2]',
    SLURM_STEP_TASKS_PER_NODE: '2(x2),1',
  });
  assert.equal(await placed(env), [
    [0, 0, 1, 1, 2],
    ['n0', 'n1', 'n2'],
  ]);
});

slurm('what contradicts itself is refused', async () => {
  await refused(task(6, 1), /contradict/);
  await refused(task(8, 0), /contradict/);
  await refused(task(0, 0, { SLURM_STEP_NODELIST: 'n[0-2]' }), /contradict/);
  await refused(task(0, 0, { SLURM_STEP_NODELIST: 'n[0-' }), /host list/);
  await refused(task(0, 0, { SLURM_STEP_NODELIST: undefined }), /SLURM_STEP_NODELIST is not set/);
  await refused(
    task(0, 0, { SLURM_STEP_TASKS_PER_NODE: undefined }),
    /SLURM_STEP_TASKS_PER_NODE is not set/,
  );
  await refused(task(0, 0, { SLURM_STEP_TASKS_PER_NODE: '5,1(x2),2' }), /number of ranks/);
  await refused(task(0, 0, { SLURM_DISTRIBUTION: 'sideways' }), /SLURM_DISTRIBUTION=sideways/);
  await refused(task(0, 0, { SLURM_DISTRIBUTION: 'plane=0' }), /SLURM_DISTRIBUTION=plane=0/);
});

slurm('what other launchers inherited inside an allocation is not theirs', () => {
  const daemon = { SLURM_STEP_NUM_TASKS: '4', SLURM_STEP_TASKS_PER_NODE: '1(x4)' };
  const openmpi = { OMPI_COMM_WORLD_RANK: '0', PMIX_RANK: '0', PMIX_NAMESPACE: '4086104065' };
  for (const more of [daemon, openmpi, { OMPI_COMM_WORLD_RANK: '0' }])
    assert.is.not(detect(task(0, 0, more), silent).name, 'slurm');
  // The shell that salloc starts in a step of its own, on sites that want it so.
  assert.is(detect(task(0, 0, { SLURM_STEP_ID: '4294967290' }), silent).name, 'single');
  // A shell of the allocation itself, which srun did not start.
  assert.is(
    detect({ SLURM_JOB_ID: '89', SLURM_NTASKS: '8', SLURM_PROCID: '0' }, silent).name,
    'single',
  );
});

slurm.run();

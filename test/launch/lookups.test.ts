/**
 * What starting a rank asks of the shared file system: counted, since at ten thousand ranks each
 * look-up is ten thousand.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sharedCalls } from '../../bench/path-calls.ts';
import { modulePackage, PYTHON_MPI } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';
import { readTrace } from '../support/traced.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
/** What srun tells the ranks of a step of two on one node. */
const STEP = {
  SLURM_JOB_ID: '1',
  SLURM_STEP_ID: String(process.pid),
  SLURM_STEP_NODELIST: 'localhost',
  SLURM_STEP_TASKS_PER_NODE: '2',
  SLURM_STEP_NUM_TASKS: '2',
  SLURM_NTASKS: '2',
  SLURM_NODEID: '0',
  PYTHON_MPI_SECRET: 'of the look-up test',
};

/** The calls of a command. In the project's directory, as a shell would have it in PWD. */
async function callsOf(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  shared: readonly string[],
): Promise<string[]> {
  const trace = join(scratch(), 'trace');
  const traced = spawn('strace', ['-f', '-qq', '-e', 'trace=%file', '-o', trace, ...command], {
    cwd: PROJECT,
    env: { PATH: '/usr/bin:/bin', PWD: PROJECT, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [status] = (await once(traced, 'close')) as [number];
  assert.is(status, 0);
  return sharedCalls(readTrace(trace), shared);
}

const lookups = suite('look-ups on the shared file system');

lookups('at most 5 of a rank that does not lead, at most 17 of a leader', async () => {
  const file = await modulePackage('traced', 'x = 1');
  const shared = [PROJECT, file];
  const [chroot, command] = [scratch(), [PYTHON_MPI, '--packages', file, '-I', '-c', 'pass']];
  const rank = (procid: string) =>
    callsOf(
      command,
      { ...STEP, SLURM_PROCID: procid, SLURM_LOCALID: procid, PYTHON_MPI_CHROOT: chroot },
      shared,
    );
  const [leader, other] = await Promise.all([rank('0'), rank('1')]);
  assert.ok(other.length >= 1, `${other.length} calls: is anything traced?`);
  assert.ok(other.length <= 5, other.join('\n'));
  assert.ok(leader.length <= 17, leader.join('\n'));
});

lookups(
  'Node does not look for its libraries in LD_LIBRARY_PATH, which arrives in Python',
  async () => {
    const directory = scratch();
    const script = `import os; assert os.environ["LD_LIBRARY_PATH"] == "${directory}"`;
    const env = { LD_LIBRARY_PATH: directory };
    const calls = await callsOf([PYTHON_MPI, '-c', script], env, [directory]);
    const found = (library: string) =>
      calls.some(call => call.includes(`"${directory}/${library}.so`));
    assert.ok(found('libc'), 'of the shell and Python');
    assert.not.ok(found('libstdc++'), 'of Node');
  },
);

lookups.run();

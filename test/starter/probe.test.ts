/**
 * A rank's Python is the one that the user would have had: what a process sees of itself, plainly
 * and through us, from a state that is unlike that of any launcher, is equal but for what is
 * written here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { modulePackage, PYTHON_MPI } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';

const UNUSUAL = fileURLToPath(new URL('unusual.py', import.meta.url));
const PROBE = fileURLToPath(new URL('probe.py', import.meta.url));
const PYTHON = '/usr/bin/python3';
const file = await modulePackage('probed', 'x = 1');

/** What we add or change, by the start of a line; all else arrives as it was. */
const OURS = [
  // Programs of the packages come first, and scripts may want to know where those are.
  'variable: PATH=',
  'variable: PYTHON_MPI_PREFIX=',
  // What Python's start takes out of the environment before a script runs; /proc still shows it.
  'variable: PYTHON_MPI_RANK=',
  'variable: PYTHON_MPI_PROCESS=',
  'variable: PYTHON_MPI_END_COMMAND=',
];
/**
 * What the embedded launcher adds, being one: a connection, a session for each rank, and output
 * that it merges.
 */
const EMBEDDED = [
  'variable: PMI_FD=',
  'variable: PMI_RANK=',
  'variable: PMI_SIZE=',
  'session of',
  'group of',
  'descriptor ',
];

/** Runs a command from the unusual state, and reads what the probe in it saw. */
async function seen(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const output = join(scratch(), 'seen');
  const child = spawn(PYTHON, [UNUSUAL, ...command, 'plain', 'with space'], {
    env: {
      PATH: '/usr/bin:/bin',
      PYTHON_MPI_CHROOT: chroot,
      PYTHON_MPI_PYTHON: PYTHON,
      PYTHON_MPI_QUIET: '1',
      PROBE_OUTPUT: output,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (said += data));
  const [status] = (await once(child, 'close')) as [number];
  assert.is(status, 0, said);
  assert.is(said, '');
  return readFileSync(output, 'latin1').split('\n');
}

const chroot = scratch();
const plain = (env?: NodeJS.ProcessEnv) => seen([PYTHON, PROBE], env);
const ours = (options: readonly string[], env?: NodeJS.ProcessEnv) =>
  seen([PYTHON_MPI, ...options, PROBE], env);

/** Lines without those of known differences and of files that each run has to itself. */
function comparable(lines: readonly string[], differences: readonly string[] = OURS): string[] {
  const known = [...differences, 'variable: PROBE_OUTPUT=', 'variable: PROBE_', 'variable: GONE='];
  return lines.filter(line => !known.some(start => line.startsWith(start)));
}

let job = 0;
/** What srun tells a rank of a step of two on this node. */
function step(rank: number): NodeJS.ProcessEnv {
  return {
    SLURM_JOB_ID: `${process.pid}${job}`,
    SLURM_STEP_ID: '0',
    SLURM_PROCID: String(rank),
    SLURM_LOCALID: String(rank),
    SLURM_NODEID: '0',
    SLURM_NTASKS: '2',
    SLURM_STEP_NUM_TASKS: '2',
    SLURM_STEP_NUM_NODES: '1',
    SLURM_STEP_NODELIST: hostname(),
    SLURM_STEP_TASKS_PER_NODE: '2',
    PYTHON_MPI_SECRET: 'of the test of what a rank sees',
  };
}

const probe = suite('starter: what Python sees');

probe('without packages, everything is as it was', async () => {
  assert.equal(comparable(await ours([])), comparable(await plain()));
});

probe('a rank that leads, alone', async () => {
  assert.equal(comparable(await ours(['--packages', file])), comparable(await plain()));
});

probe('a rank that leads and one that does not, under Slurm', async () => {
  job++;
  const [leader, follower] = await Promise.all([
    ours(['--packages', file], step(0)),
    ours(['--packages', file], step(1)),
  ]);
  const secret = 'variable: PYTHON_MPI_SECRET=';
  for (const [rank, lines] of [leader, follower].entries()) {
    const expected = comparable(await plain(step(rank)), [...OURS, secret]);
    assert.equal(comparable(lines), expected, `rank ${rank}`);
  }
});

probe('a working directory that is gone', async () => {
  const gone = () => ({ GONE: join(scratch(), 'gone') });
  const lines = comparable(await ours(['--packages', file], gone()));
  assert.equal(lines, comparable(await plain(gone())));
});

for (const options of [
  ['-n', '1'],
  ['-n', '1', '--packages', file],
]) {
  probe(
    `a rank of our own launcher: ${options.length > 2 ? 'with' : 'without'} packages`,
    async () => {
      const known = [...OURS, ...EMBEDDED];
      assert.equal(comparable(await ours(options), known), comparable(await plain(), known));
    },
  );
}

probe.run();

import { closeSync, openSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { PythonMpiError } from '../../src/errors.ts';
import { silent } from '../../src/log.ts';
import { detect, METHODS } from '../../src/pmi/detect.ts';

/** Environments that launchers left, and the method each is for. */
const SEEN: readonly [what: string, env: NodeJS.ProcessEnv, launcher: string][] = [
  ['nothing at all', { PATH: '/bin' }, 'single'],
  ['Hydra', { PMI_FD: '8', PMI_RANK: '1', PMI_SIZE: '3', MPI_LOCALRANKID: '1' }, 'hydra'],
  ['Hydra -pmi-port', { PMI_PORT: 'head:36445', PMI_ID: '1' }, 'pmi-port'],
  [
    'Hydra, with an MPICH that speaks PMI-2',
    { PMI_FD: '8', PMI_RANK: '1', PMI_SIZE: '3', MPIR_CVAR_PMI_VERSION: '2' },
    'pmi2',
  ],
  [
    'Hydra, with an MPICH that is told to speak PMI-1',
    { PMI_FD: '8', PMI_RANK: '1', PMI_SIZE: '3', MPIR_CVAR_PMI_VERSION: '1' },
    'hydra',
  ],
  ['Intel MPI', { PMI_FD: '8', PMI_RANK: '1', PMI_SIZE: '3', I_MPI_PMI: 'pmi2' }, 'hydra'],
  ['older Intel MPI', { PMI_FD: '8', PMI_RANK: '1', PMI_SIZE: '3', I_MPI_PMI2: 'yes' }, 'hydra'],
  [
    'mpirun_rsh of MVAPICH',
    { PMI_PORT: 'n0:36445', PMI_ID: '1', MPIRUN_RANK: '1', MV2_COMM_WORLD_RANK: '1' },
    'incomplete',
  ],
  [
    'python-mpi -n',
    { PMI_FD: '20', PMI_RANK: '0', PMI_SIZE: '4', PYTHON_MPI_EMBEDDED: '1' },
    'embedded',
  ],
  [
    // The proxies' step: one task a node, while the job has its own ranks.
    'Hydra inside an allocation',
    {
      PMI_FD: '8',
      PMI_RANK: '1',
      PMI_SIZE: '8',
      SLURM_STEP_ID: '0',
      SLURM_PROCID: '0',
      SLURM_STEP_NUM_TASKS: '4',
    },
    'hydra',
  ],
  ['half a PMI', { PMI_RANK: '1', PMI_SIZE: '3' }, 'incomplete'],
  [
    'an old Open MPI that lost its job',
    { OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '3' },
    'incomplete',
  ],
  ['aprun', { ALPS_APP_PE: '1', ALPS_APP_ID: '4711', ALPS_APP_DEPTH: '1' }, 'alps'],
];

async function refused(
  env: NodeJS.ProcessEnv,
  code: string,
  message: RegExp,
  wanted?: string,
): Promise<void> {
  const error = await detect(env, silent, wanted)
    .open(Deadline.after(60_000))
    .then(
      () => undefined,
      thrown => thrown,
    );
  assert.instance(error, PythonMpiError);
  assert.is(error.code, code, error.message);
  assert.match(error.message, message);
}

const detection = suite('detect');

for (const [what, env, launcher] of SEEN) {
  detection(`${what}: ${launcher}`, () => assert.is(detect(env, silent).name, launcher));
}

detection('every method tried is in the story, with the reason for the choice', () => {
  const story: string[] = [];
  detect({ PMI_PORT: 'h:1', PMI_ID: '0' }, line => story.push(line));
  assert.match(story.at(-1)!, /^launcher pmi-port: chosen, PMI_PORT=h:1, PMI_ID=0$/);
  const before = METHODS.findIndex(({ name }) => name === 'pmi-port');
  assert.equal(
    story.slice(0, -1),
    METHODS.slice(0, before).map(({ name }) => `launcher ${name}: no`),
  );
});

detection('names are unique, and the last method claims everything', () => {
  assert.is(new Set(METHODS.map(({ name }) => name)).size, METHODS.length);
  assert.ok(METHODS.at(-1)!.claims({}, silent));
});

detection('the user decides', async () => {
  const env = { PMI_FD: '8', PMI_RANK: '1', PMI_SIZE: '3' };
  const { placement, kvs, launcher, why } = await detect(env, silent, 'single').open(
    Deadline.after(60_000),
  );
  assert.equal([launcher, why], ['single', 'PYTHON_MPI_LAUNCHER=single']);
  assert.equal(placement, { rank: 0, size: 1, nodes: [0] });
  assert.is(kvs, undefined);
  assert.throws(
    () => detect({}, silent, 'teleport'),
    (error: PythonMpiError) => error.code === 'USAGE' && /hydra/.test(error.hint!),
  );
});

detection('a descriptor that is closed or no socket is recognised for what it is', async () => {
  const file = openSync('/dev/null', 'r');
  const PMI = { PMI_RANK: '0', PMI_SIZE: '1' };
  await refused({ ...PMI, PMI_FD: String(file) }, 'LAUNCHER', /no open socket/);
  closeSync(file);
  for (const PMI_FD of ['999', '-1', 'x', '1.5', '', '99999999999'])
    await refused({ ...PMI, PMI_FD }, 'LAUNCHER', /PMI_FD=.* is no open socket/);
  await refused({}, 'LAUNCHER', /PMI_RANK/, 'hydra');
});

detection('numbers of the environment are checked', async () => {
  for (const [PMI_RANK, PMI_SIZE] of [
    ['3', '3'],
    ['-1', '2'],
    ['', '2'],
    ['0', '0'],
    ['0', '1e3'],
  ])
    await refused(
      { PMI_FD: '3', PMI_RANK, PMI_SIZE },
      'LAUNCHER',
      /PMI_(RANK|SIZE)=.* is no whole number/,
    );
});

detection('a port where nobody listens is an error at once', async () => {
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => listener.once('listening', resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise(resolve => listener.close(resolve));
  await refused({ PMI_PORT: `127.0.0.1:${port}`, PMI_ID: '0' }, 'LAUNCHER', /cannot connect/);
  for (const PMI_PORT of ['localhost', ':1', 'h:0', 'h:65536', 'h:x', ''])
    await refused({ PMI_PORT, PMI_ID: '0' }, 'LAUNCHER', /is not host:port/);
});

detection('a port that takes the connection and says nothing ends at the deadline', async () => {
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => listener.once('listening', resolve));
  const { port } = listener.address() as AddressInfo;
  const error = await detect({ PMI_PORT: `127.0.0.1:${port}`, PMI_ID: '0' }, silent)
    .open(Deadline.after(100))
    .catch(thrown => thrown);
  assert.is(error.code, 'TIMEOUT', error.message);
  listener.close();
});

detection('a method that users know by a former name is found by it', () => {
  assert.is(detect({}, silent, 'stray').name, 'incomplete');
});

detection.run();

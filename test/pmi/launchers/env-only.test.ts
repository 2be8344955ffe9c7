/**
 * Environments as the launchers' manuals and sources describe them; none of these launchers was
 * run.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import { PythonMpiError } from '../../../src/errors.ts';
import { silent } from '../../../src/log.ts';
import { detect } from '../../../src/pmi/detect.ts';
import type { LauncherSession } from '../../../src/pmi/launcher.ts';

const HOME = '/home/me';
const ALPS = { HOME, ALPS_APP_PE: '5', ALPS_APP_ID: '4711', ALPS_APP_DEPTH: '1' };
const FLUX = {
  HOME,
  FLUX_TASK_RANK: '5',
  FLUX_TASK_LOCAL_ID: '1',
  FLUX_JOB_SIZE: '8',
  FLUX_JOB_NNODES: '4',
  FLUX_JOB_ID: 'ƒ2oUnGk',
};
const JSM = {
  HOME,
  JSM_NAMESPACE_RANK: '5',
  JSM_NAMESPACE_SIZE: '8',
  JSM_NAMESPACE_LOCAL_RANK: '1',
  OMPI_COMM_WORLD_RANK: '5',
  OMPI_COMM_WORLD_SIZE: '8',
  PMIX_RANK: '5',
  PMIX_NAMESPACE: '1.batch1',
  PMIX_SERVER_URI41: 'jsm.0;tcp4://127.0.0.1:1',
  LSB_JOBID: '99',
  LSB_MCPU_HOSTS: 'batch1 1 a01n01 42 a01n02 42',
};
const OPENMPI = {
  HOME,
  OMPI_COMM_WORLD_RANK: '5',
  OMPI_COMM_WORLD_SIZE: '8',
  OMPI_MCA_orte_precondition_transports: '5498540a5c392fad-c66ea94ba8e748b6',
  PMIX_RANK: '5',
  PMIX_NAMESPACE: '3088318465',
  PMIX_SERVER_URI21: '3088318464.1;tcp4://127.0.0.1:46937',
};
const MPIRUN_RSH = {
  HOME,
  PMI_PORT: 'n0:36445',
  PMI_ID: '5',
  MPIRUN_RANK: '5',
  MV2_COMM_WORLD_RANK: '5',
  MV2_COMM_WORLD_SIZE: '8',
  MPISPAWN_MPIRUN_HOST: 'login',
  MPISPAWN_MPIRUN_ID: '31337',
};
const BLAUNCH = {
  HOME,
  LSF_PM_TASKID: '6',
  LSB_JOBID: '99',
  LSB_DJOB_NUMPROC: '16',
  LSB_MCPU_HOSTS: 'n0 8 n1 8',
};
const PBSDSH = {
  HOME,
  PBS_JOBID: '7.head',
  PBS_NODENUM: '1',
  PBS_VNODENUM: '5',
  PBS_TASKNUM: '7',
  PBS_NP: '16',
};
const SIZED = { PYTHON_MPI_SIZE: '8' };

function open(env: NodeJS.ProcessEnv, wanted?: string): Promise<LauncherSession> {
  return detect(env, silent, wanted).open(Deadline.after(60_000));
}

async function refused(env: NodeJS.ProcessEnv, code: string, message: RegExp): Promise<void> {
  const error = await open(env).catch(thrown => thrown);
  assert.instance(error, PythonMpiError);
  assert.is(error.code, code);
  assert.match(error.toLine(), message);
}

const envOnly = suite('pmi/launchers/env-only');

for (const [name, env, wanted] of [
  ['alps', { ...ALPS, ...SIZED }],
  ['flux', FLUX],
  ['jsrun', JSM, 'jsrun'],
  ['openmpi', OPENMPI],
  ['mpirun_rsh', MPIRUN_RSH],
  ['blaunch', { ...BLAUNCH, ...SIZED }],
  ['pbsdsh', { ...PBSDSH, ...SIZED }],
] as const) {
  envOnly(`${name}: rank and size, and where the others will be found`, async () => {
    const { launcher, placement, kvs, rendezvousFile } = await open(env, wanted);
    assert.is(launcher, name);
    assert.equal(placement, { rank: 5, size: 8, nodes: undefined });
    assert.equal([kvs, rendezvousFile!.directory], [undefined, '/home/me/.python-mpi']);
  });
}

envOnly('a server to speak to comes first', () => {
  const nameOf = (env: NodeJS.ProcessEnv) => detect(env, silent).name;
  assert.is(nameOf(JSM), 'pmix');
  assert.is(nameOf({ ...FLUX, PMI_FD: '8', PMI_RANK: '5', PMI_SIZE: '8' }), 'hydra');
  assert.is(nameOf({ ...BLAUNCH, ...SIZED, PMI_FD: '8', PMI_RANK: '5', PMI_SIZE: '8' }), 'hydra');
  assert.is(
    nameOf({
      ...PBSDSH,
      ...SIZED,
      PMIX_RANK: '5',
      PMIX_NAMESPACE: 'prterun-n0-1@1',
      PMIX_SERVER_URI4: 'x',
    }),
    'pmix',
  );
});

envOnly('a batch script is no rank, nor is what says too little', () => {
  const nameOf = (env: NodeJS.ProcessEnv) => detect(env, silent).name;
  assert.is(nameOf(BLAUNCH), 'single');
  assert.is(nameOf(PBSDSH), 'single');
  assert.is(nameOf({ ...FLUX, FLUX_JOB_ID: undefined }), 'incomplete');
  assert.is(nameOf({ ...MPIRUN_RSH, MPISPAWN_MPIRUN_ID: undefined }), 'incomplete');
});

envOnly('aprun: the size is the word of the user before that of the batch system', async () => {
  const { placement } = await open({ ...ALPS, PBS_NP: '64' });
  assert.is(placement.size, 64);
  const { placement: wanted } = await open({ ...ALPS, PBS_NP: '64', ...SIZED });
  assert.is(wanted.size, 8);
  await refused(ALPS, 'USAGE', /export PYTHON_MPI_SIZE/);
  await refused({ ...ALPS, PYTHON_MPI_SIZE: '5' }, 'USAGE', /PYTHON_MPI_SIZE=5/);
});

envOnly('the directory of the rendezvous file is the user’s choice', async () => {
  const { rendezvousFile } = await open({ ...FLUX, PYTHON_MPI_RENDEZVOUS: '/scratch/me' });
  assert.is(rendezvousFile!.directory, '/scratch/me');
  await refused({ ...FLUX, HOME: undefined }, 'USAGE', /absolute path/);
  await refused({ ...FLUX, PYTHON_MPI_RENDEZVOUS: 'here' }, 'USAGE', /absolute path/);
});

envOnly.run();

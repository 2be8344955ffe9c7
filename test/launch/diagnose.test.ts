/** What `--diagnose` prints, of any rank, and what it does not. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { environmentOf } from '../../src/launch/diagnose.ts';
import { run } from '../support/job.ts';

const diagnose = suite('launch: diagnose');

diagnose('the first rank prints all that a report needs, and no secret', async () => {
  const PYTHON_MPI_SECRET = 'a-word-that-opens-doors';
  const env = { SLURM_JOB_ID: '7', SLURM_STEP_ID: '0', SLURM_PROCID: '0', PYTHON_MPI_SECRET };
  const { status, out, err } = await run(['--diagnose'], { env });
  assert.is(status, 0, err);
  for (const title of ['detection', 'environment', 'addresses', 'machine', 'limits', 'mounts'])
    assert.match(out, `[${title}]\n`);
  assert.match(out, /^python-mpi \d\S+, Node v\d+/);
  assert.match(out, /SLURM_PROCID=0, launcher slurm \(step 7\.0, SLURM_PROCID=0\)/);
  assert.match(out, '\nSLURM_JOB_ID=7\n');
  assert.match(out, '\nPYTHON_MPI_SECRET=(23 characters, not shown)\n');
  assert.not.match(out, PYTHON_MPI_SECRET);
});

diagnose('another rank says who it is', async () => {
  const { status, out } = await run(['--diagnose'], { env: { PMI_RANK: '3' } });
  assert.is(status, 0);
  assert.match(out, /^\S+: PMI_RANK=3, launcher incomplete \(.*\)\n$/);
});

diagnose('variables of launchers are shown, secrets and the rest are not', () => {
  const shown = environmentOf({
    FLUX_JOB_ID: 'f1',
    PMI_SHARED_SECRET: 'x',
    PBS_COOKIE: '1234',
    SLURM_JOB_NAME: 'a\nb',
    AWS_ACCESS_KEY_ID: 'AKIA',
    EDITOR: 'vi',
  });
  assert.equal(shown, [
    'FLUX_JOB_ID=f1',
    'PBS_COOKIE=(4 characters, not shown)',
    'PMI_SHARED_SECRET=(1 characters, not shown)',
    'SLURM_JOB_NAME=a b',
  ]);
});

diagnose.run();

/**
 * Whole runs under a server that answers as Flux's does, by flux-core's
 * src/common/libpmi/simple_server.c and src/shell/pmi/pmi.c, in the environment of
 * flux-environment(7). No Flux was run: it is in no Debian.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftovers, modulePackage, PYTHON_MPI } from '../../support/job.ts';
import { type Rig, runJob } from '../../support/pmi-server.ts';
import { scratch } from '../../support/scratch.ts';

/** Flux's form of each answer, where it has one of its own. PMI_ERR_INVALID_KEY is 4. */
const ANSWERS: readonly [answer: RegExp, flux: string][] = [
  [/^cmd=response_to_init .*rc=0\n/, 'cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1\n'],
  [/^cmd=maxes .*\n/, 'cmd=maxes rc=0 kvsname_max=64 keylen_max=64 vallen_max=1024\n'],
  [
    /^cmd=my_kvsname .*\n/,
    `cmd=my_kvsname rc=0 kvsname=${Buffer.from('ƒA7bCd').toString('latin1')}\n`,
  ],
  [/^cmd=put_result rc=0.*\n/, 'cmd=put_result rc=0\n'],
  [/^cmd=get_result rc=0 msg=success /, 'cmd=get_result rc=0 '],
  [/^cmd=get_result rc=-1.*\n/, 'cmd=get_result rc=4\n'],
  [/^cmd=barrier_out\n/, 'cmd=barrier_out rc=0\n'],
  [/^cmd=finalize_ack\n/, 'cmd=finalize_ack rc=0\n'],
];

const flux: Rig = line => {
  const [answer, form] = ANSWERS.find(([pattern]) => pattern.test(line)) ?? [];
  assert.ok(answer !== undefined && form !== undefined, line);
  return line.replace(answer!, form!);
};

async function run(code: string, chroot = scratch()) {
  const packages = await modulePackage('told', 'WORD = "staged"');
  const env = {
    FLUX_TASK_RANK: '0',
    FLUX_JOB_SIZE: '3',
    FLUX_JOB_ID: 'ƒA7bCd',
    PYTHON_MPI_CHROOT: chroot,
    PYTHON_MPI_PYTHON: '/usr/bin/python3',
  };
  const command = [PYTHON_MPI, '--packages', packages, '-c', code];
  const { ranks, abort } = await runJob({ command, size: 3, env, rig: flux });
  return { ranks, abort, left: () => leftovers(chroot) };
}

const suiteOfFlux = suite('flux (recorded)');

suiteOfFlux('three ranks are staged and end well', async () => {
  const { ranks, abort, left } = await run('import told; print(told.WORD)');
  assert.is(abort, undefined);
  assert.equal(
    ranks.map(({ status, output }) => [status, output]),
    Array(3).fill([0, 'staged\n']),
  );
  assert.equal(left(), []);
});

suiteOfFlux('a rank that fails asks for the end of the job with its status', async () => {
  const code = 'import os, sys; sys.exit(7 if os.environ["PMI_RANK"] == "1" else 0)';
  const { abort } = await run(code);
  assert.equal(abort, { rank: 1, status: 7, reason: undefined });
});

suiteOfFlux.run();

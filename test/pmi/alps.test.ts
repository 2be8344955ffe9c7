import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { PythonMpiError } from '../../src/errors.ts';
import { silent } from '../../src/log.ts';
import { detect } from '../../src/pmi/detect.ts';
import { Notice } from '../../src/pmi/notice.ts';
import type { Rendezvous } from '../../src/pmi/rendezvous.ts';
import { scratch } from '../support/scratch.ts';

/** What aprun(1) documents. */
const PE = { ALPS_APP_PE: '5', ALPS_APP_ID: '4711', ALPS_APP_DEPTH: '1', HOME: '/home/me' };

function open(env: NodeJS.ProcessEnv): Promise<Rendezvous> {
  const method = detect(env, silent);
  assert.is(method.name, 'alps');
  return method.open(Deadline.after(1000));
}

async function refused(env: NodeJS.ProcessEnv, code: string, message: RegExp): Promise<void> {
  const error = await open(env).catch(thrown => thrown);
  assert.instance(error, PythonMpiError);
  assert.is(error.code, code);
  assert.match(error.toLine(), message);
}

const alps = suite('alps');

alps('the size is the word of the user before that of the batch system', async () => {
  const { placement, notice, kvs, jobId } = await open({ ...PE, PBS_NP: '64' });
  assert.equal(placement, { rank: 5, size: 64, nodes: undefined });
  assert.equal([notice!.directory, kvs, jobId], ['/home/me/.python-mpi', undefined, '4711']);
  const told = await open({ ...PE, PBS_NP: '64', PYTHON_MPI_SIZE: '8' });
  assert.is(told.placement.size, 8);
  const elsewhere = await open({ ...PE, PBS_NP: '64', PYTHON_MPI_RENDEZVOUS: '/scratch/me' });
  assert.is(elsewhere.notice!.directory, '/scratch/me');
});

alps('what is missing or makes no sense is said', async () => {
  await refused(PE, 'USAGE', /export PYTHON_MPI_SIZE/);
  await refused({ ...PE, PYTHON_MPI_SIZE: '5' }, 'LAUNCHER', /PYTHON_MPI_SIZE=5/);
  const sized = { ...PE, PYTHON_MPI_SIZE: '8' };
  await refused({ ...sized, ALPS_APP_ID: '../1' }, 'LAUNCHER', /ALPS_APP_ID=..\/1/);
  await refused({ ...sized, HOME: undefined }, 'USAGE', /absolute path/);
  await refused({ ...sized, PYTHON_MPI_RENDEZVOUS: 'here' }, 'USAGE', /absolute path/);
});

const notices = suite('notice');

notices('posted whole and private, over an old one; removed without a trace', () => {
  const directory = join(scratch(), 'a/b');
  const reader = new Notice(directory, 'job-1');
  assert.is(reader.read(), undefined);
  const root = new Notice(directory, 'job-1');
  root.post('old');
  root.post('new');
  assert.is(reader.read(), 'new');
  assert.is(new Notice(directory, 'job-2').read(), undefined);
  assert.is(statSync(directory).mode & 0o777, 0o700);
  assert.is(statSync(join(directory, 'job-1')).mode & 0o777, 0o600);
  assert.equal(readdirSync(directory), ['job-1']);
  root.remove();
  root.remove();
  assert.equal(readdirSync(directory), []);
});

notices('a directory that others can open is refused on both sides', () => {
  const directory = join(scratch(), 'open');
  mkdirSync(directory, { mode: 0o755 });
  const notice = new Notice(directory, 'job-1');
  const isRefused = (error: PythonMpiError) =>
    error.code === 'NO_SECRET' && /open to other users/.test(error.message);
  assert.throws(() => notice.post('secret'), isRefused);
  assert.not.ok(existsSync(join(directory, 'job-1')));
  writeFileSync(join(directory, 'job-1'), "somebody else's");
  assert.throws(() => notice.read(), isRefused);
});

alps.run();
notices.run();

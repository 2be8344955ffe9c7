import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PythonMpiError } from '../../src/errors.ts';
import { RendezvousFile } from '../../src/pmi/rendezvous-file.ts';
import { scratch } from '../support/scratch.ts';

const notices = suite('notice');

notices('posted whole and private, over an old one; removed without a trace', () => {
  const directory = join(scratch(), 'a');
  const reader = new RendezvousFile(directory, 'job-1');
  assert.is(reader.read(), undefined);
  const root = new RendezvousFile(directory, 'job-1');
  root.post('old');
  root.post('new');
  assert.is(reader.read(), 'new');
  assert.is(new RendezvousFile(directory, 'job-2').read(), undefined);
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
  const rendezvousFile = new RendezvousFile(directory, 'job-1');
  const isRefused = (error: PythonMpiError) =>
    error.code === 'NO_SECRET' && /open to other users/.test(error.message);
  assert.throws(() => rendezvousFile.post('secret'), isRefused);
  assert.not.ok(existsSync(join(directory, 'job-1')));
  assert.throws(() => rendezvousFile.read(), isRefused);
});

notices.run();

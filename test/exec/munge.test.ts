/**
 * Whose fault it is that MUNGE says no, by the statuses of munge.h; the daemon itself is in
 * test/cluster.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { Munge } from '../../src/exec/munge.ts';
import { scratch } from '../support/scratch.ts';

const bin = scratch();
process.env.PATH = `${bin}:${process.env.PATH}`;

/** Has both programs do this. */
function behave(script: string): Munge {
  for (const program of ['munge', 'unmunge'])
    writeFileSync(join(bin, program), `#!/bin/sh\ncat >/dev/null\n${script}\n`, { mode: 0o755 });
  return new Munge('/nowhere', Deadline.after(60_000));
}

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    thrown => thrown,
  );
  return `${error?.code}: ${error?.message}`;
}

const munge = suite('exec/munge');

munge('what was sealed is opened, with who sealed it', async () => {
  const good = behave("printf 'UID:          1000\\n\\nhello|world'");
  assert.equal(await good.open('MUNGE:x:'), { uid: 1000, payload: 'hello|world' });
  assert.is(await behave('echo MUNGE:y:').seal('hello'), 'MUNGE:y:');
});

munge('a bad credential is not the daemon’s fault, nor the other way round', async () => {
  for (const [status, code] of [
    [6, 'NO_SECRET'],
    [7, 'NO_SECRET'],
    [8, 'AUTHENTICATION'],
    [15, 'AUTHENTICATION'],
    [17, 'AUTHENTICATION'],
    [18, 'AUTHENTICATION'],
  ]) {
    const broken = behave(`echo 'unmunge: Error: no' >&2; exit ${status}`);
    assert.match(await failure(broken.open('MUNGE:x:')), new RegExp(`^${code}: .*Error: no`));
  }
  assert.match(await failure(behave('kill -9 $$').open('MUNGE:x:')), /^NO_SECRET/);
  assert.match(await failure(behave('exit 6').seal('hello')), /^NO_SECRET: munge failed/);
  assert.match(await failure(behave('echo nonsense').open('MUNGE:x:')), /^NO_SECRET: .*no user/);
});

munge.run();

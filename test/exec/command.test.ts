import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { PythonMpiError } from '../../src/errors.ts';
import { runCommand } from '../../src/exec/command.ts';
import { scratch } from '../support/scratch.ts';

const never = new AbortController().signal;
const soon = () => Deadline.after(60_000);

const commands = suite('command');

commands(
  'hands back status and both streams, and passes input, directory and environment',
  async () => {
    const cwd = scratch();
    const outcome = await runCommand(
      'sh',
      ['-c', 'cat; pwd; echo "$WORD" >&2; exit 3'],
      { cwd, env: { PATH: process.env.PATH, WORD: 'word' }, input: 'in\n' },
      soon(),
      never,
    );
    assert.equal(outcome, { status: 3, stdout: `in\n${cwd}\n`, stderr: 'word\n' });
  },
);

commands('death by a signal has no status', async () => {
  assert.is((await runCommand('sh', ['-c', 'kill -9 $$'], {}, soon(), never)).status, undefined);
});

commands('a program that does not read its input is no error', async () => {
  const { status } = await runCommand('true', [], { input: 'x'.repeat(1 << 20) }, soon(), never);
  assert.is(status, 0);
});

commands('what cannot be started is named', async () => {
  const error = await runCommand('/no/such/program', [], {}, soon(), never).catch(caught => caught);
  assert.instance(error, PythonMpiError);
  assert.is(error.code, 'NO_INTERPRETER');
  assert.match(error.message, '/no/such/program');
});

/** Starts a grandchild, writes down its pid, and tells through a fifo when that is done. */
const FAMILY = 'sleep 1000 & echo $! > "$0/pid"; echo > "$0/ready"; wait';

/**
 * Returns once the grandchild whose pid is in `directory` runs no more; the file's time limit is
 * the only other way out.
 */
async function untilGone(directory: string): Promise<void> {
  const pid = readFileSync(join(directory, 'pid'), 'utf8').trim();
  for (;;) {
    try {
      if (/ [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) return;
    } catch {
      return;
    }
    await new Promise(resolve => setImmediate(resolve));
  }
}

commands('cancelling ends the whole family', async () => {
  const directory = scratch();
  await runCommand('mkfifo', [join(directory, 'ready')], {}, soon(), never);
  const cancel = new AbortController();
  const run = runCommand('sh', ['-c', FAMILY, directory], {}, soon(), cancel.signal).catch(
    caught => caught,
  );
  openSync(join(directory, 'ready'), 'r'); // returns when the family is complete
  cancel.abort();
  const error = await run;
  assert.is(error.code, 'CANCELLED');
  await untilGone(directory);
});

commands('so does the deadline', async () => {
  const directory = scratch();
  await runCommand('mkfifo', [join(directory, 'ready')], {}, soon(), never);
  const listener = new AbortController();
  const run = runCommand(
    'sh',
    ['-c', FAMILY, directory],
    {},
    Deadline.after(300),
    listener.signal,
  ).catch(caught => caught);
  openSync(join(directory, 'ready'), 'r');
  assert.is((await run).code, 'TIMEOUT');
  await untilGone(directory);
});

commands('cancelled before it began, nothing is started', async () => {
  const cancel = new AbortController();
  cancel.abort();
  const directory = scratch();
  const error = await runCommand('touch', [join(directory, 'x')], {}, soon(), cancel.signal).catch(
    caught => caught,
  );
  assert.is(error.code, 'CANCELLED');
  assert.throws(() => readFileSync(join(directory, 'x')));
});

commands.run();

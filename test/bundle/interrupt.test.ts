import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../support/scratch.ts';
import { bundle, files, PROGRAM, venv } from './support.ts';

const interrupts = suite('interrupt');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  interrupts(`${signal} while a command runs ends it and leaves nothing`, async () => {
    const { root, site } = venv();
    files(site, { 'pkg.py': '' });
    const [out, tmp] = [scratch(), join(scratch(), 'tmp')];
    mkdirSync(tmp);
    const fifo =
      'mkfifo "$TMPDIR/../started"; echo $$ > "$TMPDIR/../pid"; echo > "$TMPDIR/../ready"; exec cat "$TMPDIR/../started"';
    // The command tells that it runs through a fifo that the test waits to read from.
    const child = spawn(
      process.execPath,
      [
        PROGRAM,
        '-o',
        join(out, 'x.tar'),
        '--venv',
        root,
        '--trace',
        `mkfifo "$TMPDIR/../ready"; ${fifo}`,
      ],
      {
        env: { ...process.env, TMPDIR: tmp },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const stderr = text(child.stderr);
    const ready = spawn('sh', [
      '-c',
      `while ! [ -p "${tmp}/../ready" ]; do sleep 0.02; done; cat "${tmp}/../ready"`,
    ]);
    await once(ready, 'exit');
    const pid = Number(readFileSync(join(tmp, '../pid'), 'utf8'));
    child.kill(signal);
    const [status] = await once(child, 'close');
    assert.is(status, 81);
    assert.match(await stderr, 'cancelled; nothing was written');
    assert.throws(() => process.kill(pid, 0), 'the command is gone');
    assert.equal(readdirSync(out), []);
    assert.equal(readdirSync(tmp), []);
  });
}

interrupts('--timeout ends it the same way', () => {
  const { root, site } = venv();
  files(site, { 'pkg.py': '' });
  const [out, tmp] = [scratch(), scratch()];
  const { status, stderr } = bundle(
    ['-o', join(out, 'x.tar'), '--venv', root, '--timeout', '2', '--trace', 'exec sleep 1000'],
    {
      env: { ...process.env, TMPDIR: tmp },
    },
  );
  assert.is(status, 75, stderr);
  assert.match(stderr, 'timed out');
  assert.equal([readdirSync(out), readdirSync(tmp)], [[], []]);
});

interrupts.run();

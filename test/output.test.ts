/**
 * What is said arrives, whatever another process has made of the pipe and however slowly it is
 * read.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const SAY = fileURLToPath(new URL('support/say.ts', import.meta.url));
const RANKS = fileURLToPath(new URL('support/ranks.ts', import.meta.url));
/** Far more than a pipe or socket takes at once. */
const BYTES = 3_000_000;

/** Makes the pipe of its standard output non-blocking, and becomes the program. */
const UNBLOCK = 'import os, sys; os.set_blocking(1, False); os.execv(sys.argv[1], sys.argv[1:])';
const unblocked = (...command: string[]) =>
  spawn('/usr/bin/python3', ['-c', UNBLOCK, process.execPath, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });

const output = suite('output');

output('a pipe that is full and does not block is waited for', async () => {
  const child = unblocked(SAY, String(BYTES));
  let bytes = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) bytes += chunk.length;
  assert.is(bytes, BYTES + 1);
});

output('the lines of ranks too', async () => {
  const write = `import os; os.write(1, b"x" * ${BYTES} + b"\\n")`;
  const child = unblocked(RANKS, '1', '/usr/bin/python3', '-c', write);
  let bytes = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) bytes += chunk.length;
  assert.is(bytes, BYTES + 1);
});

output('a reader that goes away ends neither the program nor its ranks by surprise', async () => {
  const said = spawn(process.execPath, [SAY, String(BYTES)], { stdio: ['ignore', 'pipe', 'pipe'] });
  said.stdout.destroy();
  assert.equal(await once(said, 'exit'), [0, null]);

  // The rank meets what it would meet without a launcher between.
  const code = `
import os
try:
    while True: os.write(1, b"x" * 1000 + b"\\n")
except ConnectionError: os._exit(3)`;
  const job = spawn(process.execPath, [RANKS, '2', '/usr/bin/python3', '-c', code], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(job.stdout, 'data');
  job.stdout.destroy();
  assert.equal(await once(job, 'exit'), [3, null]);
});

output.run();

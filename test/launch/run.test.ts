/** Whole runs on one machine: no launcher, and the embedded one. */
import { createHash, randomBytes } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause } from '../../src/deadline.ts';
import { leftovers, modulePackage, pack, run, start } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';

const WHO = 'import os, hello; print("rank", os.environ.get("PMI_RANK", "-"), hello.__file__)';

const hello = await modulePackage('hello', 'WORD = "first"\n');

/** Waits until a chroot is empty: a janitor works after the job has ended. */
async function untilEmpty(chroot: string): Promise<void> {
  while (leftovers(chroot).length > 0) await pause(50);
}

const alone = suite('launch: no launcher');

alone('arguments, standard input and status are those of Python', async () => {
  const code = 'import sys; print(sys.argv, sys.stdin.read()); sys.exit(7)';
  const args = ['-u', '-c', code, '--packages', 'a b', '', '-n', 'ü'];
  const { status, out } = await run(args, { input: 'hello' });
  assert.is(status, 7);
  assert.is(out, "['-c', '--packages', 'a b', '', '-n', 'ü'] hello\n");
});

alone('without packages the process becomes Python', async () => {
  const job = start(['-c', 'import os; print(os.getpid())']);
  const { out } = await job.ended;
  assert.is(Number(out), job.child.pid);
});

alone('with packages they come first, and nothing is left afterwards', async () => {
  const chroot = scratch();
  const { status, out } = await run(['--packages', hello, '-c', WHO], { chroot });
  assert.is(status, 0);
  assert.match(out, `rank - ${chroot}/python-mpi-`);
  assert.equal(leftovers(chroot), []);
});

alone('death by signal is passed on', async () => {
  const kill = 'import os, signal; os.kill(os.getpid(), signal.SIGTERM)';
  assert.is((await run(['--packages', hello, '-c', kill])).signal, 'SIGTERM');
  assert.is((await run(['-c', kill])).signal, 'SIGTERM');
});

alone('a later package overrides an earlier one', async () => {
  const second = await modulePackage('hello', 'WORD = "second"\n', 'q.tar');
  const print = 'import hello; print(hello.WORD)';
  assert.is((await run(['--packages', `${hello}:${second}`, '-c', print])).out, 'second\n');
  assert.is((await run(['--packages', `${second}:${hello}`, '-c', print])).out, 'first\n');
});

alone('packages larger than every buffer arrive as they were', async () => {
  // Not compressible, so that segments have to wait for room on the way.
  const content = randomBytes(60_000_000);
  const file = await pack({ 'data/big': content, 'data/small': 'x' }, 'big.tar');
  const code = `
import hashlib, os
with open(os.environ["PYTHON_MPI_PREFIX"] + "/data/big", "rb") as f: print(hashlib.sha256(f.read()).hexdigest())`;
  const { out } = await run(['--packages', `${file}:${hello}`, '-c', code]);
  assert.is(out.trim(), createHash('sha256').update(content).digest('hex'));
});

alone('what is there already is not sent again', async () => {
  const chroot = scratch();
  const args = ['--verbose', '--keep', '--packages', hello, '-c', WHO];
  const first = await run(args, { chroot });
  assert.match(first.err, /0 of them had everything/);
  const second = await run(args, { chroot });
  assert.match(second.err, /1 of them had everything/);
  assert.is(second.out, first.out);
  await run(['--packages', hello, '-c', WHO], { chroot });
  assert.equal(leftovers(chroot), []);
});

alone('an uncaught exception is Python’s own business where there is no MPI', async () => {
  const { status, err } = await run(['--packages', hello, '-c', 'raise ValueError("boom")']);
  assert.is(status, 1);
  assert.match(err, /ValueError: boom\npython-mpi: rank 0 on \S+ ended with ValueError\n$/);
});

alone('the hook hides nothing and leaves no trace', async () => {
  const site = scratch();
  writeFileSync(join(site, 'sitecustomize.py'), 'import sys; sys.mine = __file__\n');
  const code =
    'import os, sys; print(sys.mine, [p for p in sys.path + [os.environ["PYTHONPATH"]] if ".python-mpi" in p])';
  const { out } = await run(['--packages', hello, '-c', code], { env: { PYTHONPATH: site } });
  assert.is(out, `${site}/sitecustomize.py []\n`);
});

alone('a rank that is killed takes its Python along, and nothing is left', async () => {
  const chroot = scratch();
  const code = 'import signal; print("up", flush=True); signal.pause()';
  const job = start(['--packages', hello, '-c', code], { chroot });
  await job.says('up\n');
  process.kill(job.child.pid!, 'SIGKILL');
  // Resolves only when Python has let go of the output.
  assert.is((await job.ended).signal, 'SIGKILL');
  await untilEmpty(chroot);
});

const embedded = suite('launch: -n');

embedded('every rank runs from the one prefix, and nothing is left', async () => {
  const chroot = scratch();
  const { status, out } = await run(['-n', '4', '--packages', hello, '-c', WHO], { chroot });
  assert.is(status, 0);
  const lines = out.trim().split('\n').sort();
  assert.equal(
    lines.map(line => line.slice(0, 6)),
    ['rank 0', 'rank 1', 'rank 2', 'rank 3'],
  );
  assert.is(new Set(lines.map(line => line.slice(7))).size, 1);
  assert.equal(leftovers(chroot), []);
});

embedded('an exception on one rank ends the job with its status', async () => {
  const chroot = scratch();
  const code =
    'import os, signal\nif os.environ["PMI_RANK"] == "2": raise ValueError("boom")\nwhile True: signal.pause()';
  const { status, err } = await run(['-n', '4', '--packages', hello, '-c', code], { chroot });
  assert.is(status, 1);
  assert.match(err, /ValueError: boom/);
  await untilEmpty(chroot);
});

embedded('a signal to the launcher reaches every Python once', async () => {
  const code = `
import os, signal
def note(number, frame):
    os.write(1, b"got %d\\n" % number)
    if number == signal.SIGTERM: os._exit(0)
for s in (signal.SIGUSR1, signal.SIGTERM): signal.signal(s, note)
os.write(1, b"ready\\n")
while True: signal.pause()`;
  const job = start(['-n', '2', '--packages', hello, '-c', code]);
  await job.says('ready\nready\n');
  process.kill(job.child.pid!, 'SIGUSR1');
  await job.says('got 10\ngot 10\n');
  process.kill(job.child.pid!, 'SIGTERM');
  const { out, status } = await job.ended;
  assert.is(status, 0);
  assert.is(out.split('got 10').length - 1, 2);
  assert.is(out.split('got 15').length - 1, 2);
});

embedded('a key that interrupts interrupts every Python once', async () => {
  const chroot = scratch();
  const code = `
import os, time
try:
    os.write(1, b"ready\\n")
    time.sleep(600)
except KeyboardInterrupt: os.write(1, b"interrupted\\n")`;
  const job = start(['-n', '2', '--packages', hello, '-c', code], { chroot });
  await job.says('ready\nready\n');
  // A terminal signals the whole process group.
  process.kill(-job.child.pid!, 'SIGINT');
  const { out, status } = await job.ended;
  assert.is(status, 0);
  assert.is(out.split('interrupted').length - 1, 2);
  assert.equal(leftovers(chroot), []);
});

embedded('a job that is killed without a word leaves nothing either', async () => {
  const chroot = scratch();
  const code = 'import signal; print("up", flush=True); signal.pause()';
  const job = start(['-n', '3', '--packages', hello, '-c', code], { chroot });
  await job.says('up\nup\nup\n');
  process.kill(job.child.pid!, 'SIGKILL');
  // Resolves only when the last rank has let go of the output.
  await job.ended;
  await untilEmpty(chroot);
});

const wrong = suite('launch: one clear line');

const corrupt = join(scratch(), 'corrupt.tar.gz');
writeFileSync(corrupt, 'this is no archive');
const truncated = await pack({ 'data/big': randomBytes(3_000_000) }, 'truncated.tar.gz');
truncateSync(truncated, 2_000_000);
const unsafe = await pack({ 'x/y': '' });

for (const [what, args, status, line] of [
  [
    'a missing package',
    ['--packages', 'nope.tar'],
    66,
    /there is no package nope\.tar .* on .*; .*\[NO_PACKAGE\]/,
  ],
  [
    'a file that is no archive',
    ['--packages', corrupt],
    65,
    /corrupt\.tar\.gz is no tar archive .*\[CORRUPT_PACKAGE\]/,
  ],
  [
    'a truncated package',
    ['--packages', truncated],
    65,
    /truncated\.tar\.gz is corrupt.*\[CORRUPT_PACKAGE\]/,
  ],
  [
    'no such node-local directory',
    ['--packages', unsafe, '--chroot', '/nonexistent'],
    73,
    /\/nonexistent.*\[CHROOT_UNUSABLE\]/,
  ],
  [
    'no interpreter',
    ['--packages', unsafe, '--python', '/nonexistent/python3'],
    127,
    /no interpreter \/nonexistent.*\[NO_INTERPRETER\]/,
  ],
  ['an unknown option', ['--pakages', unsafe], 64, /unknown option.*\[USAGE\]/],
  ['an unknown launcher', ['--launcher', 'rocket'], 64, /no launcher 'rocket'.*\[USAGE\]/],
  ['a nonsense timeout', ['--timeout', 'soon'], 64, /--timeout is 'soon'.*\[USAGE\]/],
] as const) {
  for (const ranks of [[], ['-n', '3']]) {
    wrong(`${what} ${ranks.join(' ')}`, async () => {
      const chroot = scratch();
      const done = await run([...ranks, ...args, '-c', 'pass'], { chroot });
      assert.is(done.status, status, done.err);
      assert.is(done.told.length, 1, done.err);
      assert.match(done.told[0]!, line);
      assert.not.match(done.err, /at .*\.(ts|cjs):/);
      await untilEmpty(chroot);
    });
  }
}

alone.run();
embedded.run();
wrong.run();

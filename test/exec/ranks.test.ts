/** The embedded launcher's processes, with real Pythons as ranks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const RANKS = fileURLToPath(new URL('../support/ranks.ts', import.meta.url));

async function job(
  size: number,
  code: string,
  input = '',
): Promise<{ status: number | null; out: string; err: string }> {
  const args = [
    '--disable-warning=ExperimentalWarning',
    RANKS,
    String(size),
    '/usr/bin/python3',
    '-c',
    code,
  ];
  const child = spawn(process.execPath, args);
  let out = '';
  let err = '';
  child.stdout.on('data', data => {
    out += data;
  });
  child.stderr.on('data', data => {
    err += data;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out, err };
}

const ranks = suite('exec/ranks');

ranks('lines of different ranks never tear each other', async () => {
  const code = `
import os
r = os.environ["RANK"]
for i in range(300):
    line = (r * 3000 + "\\n").encode()
    for at in range(0, len(line), 700): os.write(1, line[at:at+700])
os.write(1, b"no line break at the end of " + r.encode())
`;
  const { status, out } = await job(4, code);
  assert.is(status, 0);
  const lines = out.split('\n').filter(line => /^\d+$/.test(line));
  assert.is(lines.length, 1200);
  for (const line of lines) assert.ok(/^(\d)\1{2999}$/.test(line), line.slice(0, 80));
  assert.is(out.match(/no line break/g)!.length, 4);
});

ranks('what has no line break is there when a rank waits: prompts, and progress bars', async () => {
  const code = `
import os, sys
if os.environ["RANK"] == "0":
    sys.stdout.write("name? "); sys.stdout.flush()
    name = sys.stdin.readline().strip()
    sys.stdout.write("\\r 50%"); sys.stdout.flush()
    print(sys.stdin.readline().strip(), "and", name)
`;
  const args = [
    '--disable-warning=ExperimentalWarning',
    RANKS,
    '2',
    '/usr/bin/python3',
    '-c',
    code,
  ];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', data => {
    const before = out;
    out += data;
    // Each answer is given only when the question can be read.
    if (!before.includes('name? ') && out.includes('name? ')) child.stdin.write('me\n');
    if (!before.includes('50%') && out.includes('50%')) child.stdin.end('you\n');
  });
  const [status] = (await once(child, 'close')) as [number | null];
  assert.is(status, 0);
  assert.is(out, 'name? \r 50%you and me\n');
});

ranks('standard input goes to rank 0 only', async () => {
  const code = 'import os, sys; print(os.environ["RANK"], repr(sys.stdin.read()))';
  const { out } = await job(3, code, 'hello');
  assert.equal(out.trim().split('\n').sort(), ["0 'hello'", "1 ''", "2 ''"]);
});

ranks('a failing rank ends the others and decides the status', async () => {
  const code = `
import os, signal, sys, time
if os.environ["RANK"] == "2": sys.exit(7)
if os.environ["RANK"] == "1": signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True: signal.pause()
`;
  const { status, err } = await job(4, code);
  assert.is(status, 7);
  assert.match(err, /first failure: 2/);
});

ranks('death by signal ends the job with the shell status of that signal', async () => {
  const code = `
import os, signal
if os.environ["RANK"] == "1": os.kill(os.getpid(), signal.SIGKILL)
signal.pause()
`;
  assert.is((await job(3, code)).status, 137);
});

ranks('each rank has its own connection, and an abort over it ends the job', async () => {
  const code = `
import os, signal, socket
s = socket.socket(fileno=20)
s.sendall(b"hello\\n")
print(s.recv(100).decode().strip(), "is", os.environ["RANK"], flush=True)
if os.environ["RANK"] == "0": s.sendall(b"abort\\n")
signal.pause()
`;
  const { status, out } = await job(2, code);
  assert.is(status, 9);
  for (const line of out.trim().split('\n')) assert.match(line, /^rank (\d) is \1$/);
});

ranks('a command that does not exist is a failure, not a hang', async () => {
  const child = spawn(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    RANKS,
    '2',
    '/nonexistent',
  ]);
  const [status] = (await once(child, 'close')) as [number | null];
  assert.is(status, 127);
});

ranks.run();

/** Signals, statuses and descriptors of a rank, with a real Python at the end. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const SUPERVISE = fileURLToPath(new URL('../support/supervise.ts', import.meta.url));
const BECOME = fileURLToPath(new URL('../support/become.ts', import.meta.url));
const PYTHON = '/usr/bin/python3';

/** Counts the signals it gets and says so; ends when told to on SIGTERM. */
const COUNTER = `
import os, signal, sys
seen = []
def note(number, frame):
    os.write(1, b"got %d\\n" % number)
    if number == signal.SIGTERM: os._exit(41)
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2): signal.signal(s, note)
os.write(1, b"ready\\n")
while True: signal.pause()
`;

interface Run {
  child: ChildProcess;
  out: () => string;
  /** Resolves once the output holds the text so many times. */
  until: (text: string, times?: number) => Promise<void>;
  ended: Promise<[number | null, NodeJS.Signals | null]>;
}

function run(
  program: string,
  args: string[],
  stdio: StdioOptions = ['ignore', 'pipe', 'pipe'],
  env = {},
): Run {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, ...args],
    {
      stdio,
      env: { ...process.env, ...env },
      detached: true,
    },
  );
  let text = '';
  const waiters: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data: Buffer) => {
      text += data;
      for (const waiter of waiters) waiter();
    });
  }
  return {
    child,
    out: () => text,
    until: (wanted, times = 1) =>
      new Promise(resolve => {
        const look = () => count(text, wanted) >= times && resolve();
        waiters.push(look);
        look();
      }),
    ended: once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  };
}

const count = (text: string, word: string) => text.split(word).length - 1;

const python = suite('exec/python');

for (const [how, target] of [
  ['to the process', (pid: number) => pid],
  ['to its group', (pid: number) => -pid],
] as const) {
  python(`a signal sent ${how} arrives once`, async () => {
    const it = run(SUPERVISE, [PYTHON, '-c', COUNTER]);
    await it.until('ready');
    for (const [signal, number] of [
      ['SIGUSR1', 10],
      ['SIGUSR2', 12],
      ['SIGINT', 2],
      ['SIGUSR1', 10],
    ] as const) {
      const before = count(it.out(), `got ${number}\n`);
      process.kill(target(it.child.pid!), signal);
      await it.until(`got ${number}\n`, before + 1);
    }
    process.kill(target(it.child.pid!), 'SIGTERM');
    const [status] = await it.ended;
    assert.is(status, 41);
    assert.is(count(it.out(), 'got 10\n'), 2);
    assert.is(count(it.out(), 'got 12\n'), 1);
    assert.is(count(it.out(), 'got 2\n'), 1);
    assert.is(count(it.out(), 'got 15\n'), 1);
  });
}

python('status and death by signal are passed on', async () => {
  const [status] = await run(SUPERVISE, [PYTHON, '-c', 'raise SystemExit(7)']).ended;
  assert.is(status, 7);
  const [killed] = await run(SUPERVISE, [PYTHON, '-c', 'import os; os.kill(os.getpid(), 9)']).ended;
  assert.is(killed, 137);
});

python('a program that cannot run is one typed error', async () => {
  for (const program of [SUPERVISE, BECOME]) {
    const it = run(program, ['/nonexistent/python3']);
    await it.ended;
    assert.match(it.out(), /cannot run \/nonexistent\/python3 \(ENOENT\)/);
  }
});

/** Says what it finds under the descriptor: a socket that answers, and whether it blocks. */
const ASK = `
import fcntl, os, socket, sys
fd = int(os.environ["TEST_FD"])
s = socket.socket(fileno=fd)
s.sendall(b"hello\\n")
print(s.recv(6).decode().strip(), bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK))
`;

for (const [program, descriptor] of [
  [SUPERVISE, 3],
  [SUPERVISE, 20],
  [BECOME, 20],
] as const) {
  const name = program === SUPERVISE ? 'supervised' : 'become';
  python(`descriptor ${descriptor} survives under its number, blocking (${name})`, async () => {
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    while (stdio.length < descriptor) stdio.push('ignore');
    stdio.push('pipe');
    const it = run(program, [PYTHON, '-c', ASK], stdio, { TEST_FD: String(descriptor) });
    const connection = (it.child.stdio as readonly unknown[])[descriptor] as Duplex;
    connection.once('data', () => connection.write('world\n'));
    const [status] = await it.ended;
    assert.is(status, 0, it.out());
    assert.match(it.out(), /world False/);
    assert.is(it.out().includes('still here'), false);
  });
}

python('a low descriptor would be lost by exec, so become declines', async () => {
  const it = run(BECOME, [PYTHON, '-c', 'pass'], ['ignore', 'pipe', 'pipe', 'pipe'], {
    TEST_FD: '3',
  });
  await it.ended;
  assert.match(it.out(), /still here/);
});

python.run();

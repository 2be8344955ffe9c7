/** Dialling and listening on real sockets, and who is let in. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { dial } from '../../src/net/dial.ts';
import { CHALLENGE_BYTES, LOCAL, TREE } from '../../src/net/handshake.ts';
import type { Link } from '../../src/net/link.ts';
import { Listener } from '../../src/net/listener.ts';
import { askLeader, LocalGathering } from '../../src/net/local.ts';

const SECRET = Buffer.alloc(32, 1);
const soon = () => Deadline.after(60_000);
const coded = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

async function rejects(
  promise: Promise<unknown>,
  expected: (error: unknown) => boolean,
): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(expected(error), String(error));
}

/** Collects what arrives until the link ends. */
function everything(link: Link): Promise<string> {
  return new Promise(resolve => {
    let text = '';
    link.read({
      received: bytes => {
        text += Buffer.from(bytes).toString('latin1');
      },
      ended: () => resolve(`${text}|ended`),
      lost: () => resolve(`${text}|lost`),
    });
  });
}

/** A listener on a fresh port and the links it let in. */
async function listening(
  secret?: Buffer,
): Promise<{ listener: Listener; port: number; next: () => Promise<Link> }> {
  const links: Link[] = [];
  const waiting: ((link: Link) => void)[] = [];
  const listener = new Listener(link => {
    const waiter = waiting.shift();
    if (waiter) waiter(link);
    else links.push(link);
  });
  const port = await listener.tcp();
  if (secret) listener.admit(secret);
  const next = () =>
    new Promise<Link>(resolve => {
      const link = links.shift();
      if (link) resolve(link);
      else waiting.push(resolve);
    });
  return { listener, port, next };
}

const link = suite('net/link');

link('bytes pass both ways, and both know who the other is', async () => {
  const { listener, port, next } = await listening(SECRET);
  const greeting = { kind: TREE, from: 3, to: 2 } as const;
  const [child, parent] = await Promise.all([
    dial({ host: '127.0.0.1', port }, SECRET, greeting, soon()),
    next(),
  ]);
  assert.equal(parent.greeting, greeting);
  const atChild = everything(child);
  const atParent = everything(parent);
  await new Promise<void>(resolve => child.send(Buffer.from('up'), resolve));
  await new Promise<void>(resolve => parent.send(Buffer.from('down'), resolve));
  parent.close();
  assert.is(await atChild, 'down|ended');
  child.close();
  listener.close();
  void atParent;
});

link('what is sent right after the proof is not lost', async () => {
  const { listener, port, next } = await listening(SECRET);
  const child = await dial(
    { host: '127.0.0.1', port },
    SECRET,
    { kind: TREE, from: 1, to: 0 },
    soon(),
  );
  child.send(Buffer.from('early'));
  child.close();
  assert.is(await everything(await next()), 'early|ended');
  listener.close();
});

/** A cable to a port that turns a bit of what comes back, `at` bytes after the handshake. */
async function badCable(port: number, at: number): Promise<{ port: number; close(): void }> {
  const server = createServer(client => {
    const far = connect({ host: '127.0.0.1', port });
    let passed = -CHALLENGE_BYTES;
    far.on('data', chunk => {
      const bytes = Buffer.from(chunk);
      if (at - passed >= 0 && at - passed < bytes.length) bytes[at - passed]! ^= 4;
      passed += bytes.length;
      client.write(bytes);
    });
    client.pipe(far);
    for (const socket of [client, far]) socket.on('error', () => {});
    client.on('close', () => far.destroy());
    far.on('close', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

link('what was changed on the way is not handed over, and nothing that follows', async () => {
  const { listener, port, next } = await listening(SECRET);
  const good = Buffer.from('good');
  const long = Buffer.alloc(300_000, 'x');
  for (const at of [0, 7, 30, 2 * 24 + good.length, 200_000]) {
    const cable = await badCable(port, at);
    const greeting = { kind: TREE, from: 1, to: 0 } as const;
    const [child, parent] = await Promise.all([
      dial({ host: '127.0.0.1', port: cable.port }, SECRET, greeting, soon()),
      next(),
    ]);
    let arrived = '';
    const ended = new Promise<string>(resolve =>
      child.read({
        received: bytes => {
          arrived += Buffer.from(bytes).toString('latin1');
        },
        ended: () => resolve('ended'),
        lost: (_reason, isForged) => resolve(isForged ? 'forged' : 'lost'),
      }),
    );
    parent.send(good);
    parent.send(long);
    parent.send(good);
    // A record that seems to be longer waits for what it lacks.
    parent.send(Buffer.alloc(5 << 20));
    assert.is(await ended, 'forged', String(at));
    assert.is(arrived, at < 24 + good.length ? '' : 'good', String(at));
    parent.destroy();
    cable.close();
  }
  listener.close();
});

link('a long message arrives whole, and after what was sent before it', async () => {
  const { listener, port, next } = await listening(SECRET);
  const greeting = { kind: TREE, from: 1, to: 0 } as const;
  const [child, parent] = await Promise.all([
    dial({ host: '127.0.0.1', port }, SECRET, greeting, soon()),
    next(),
  ]);
  const long = Buffer.alloc(3_000_000, 'long');
  for (const sealed of [false, true]) {
    if (sealed) for (const end of [child, parent]) end.sealAll();
    for (const [from, to] of [
      [parent, child],
      [child, parent],
    ] as const) {
      let text = '';
      const whole = new Promise<void>(resolve =>
        to.read({
          received: bytes => {
            text += Buffer.from(bytes).toString('latin1');
            if (text.length === long.length + 6) resolve();
          },
          ended: () => {},
          lost: () => {},
        }),
      );
      from.send(Buffer.from('abc'));
      from.send(long);
      await new Promise<void>(resolve => from.send(Buffer.from('xyz'), resolve));
      await whole;
      assert.ok(text === `abc${long}xyz`);
    }
  }
  child.destroy();
  listener.close();
});

link('a connection made before the secret is known waits for it', async () => {
  const { listener, port, next } = await listening();
  const dialled = dial({ host: '127.0.0.1', port }, SECRET, { kind: TREE, from: 1, to: 0 }, soon());
  listener.admit(SECRET);
  const [child, parent] = await Promise.all([dialled, next()]);
  child.destroy();
  parent.destroy();
  listener.close();
});

link('a client with another secret gets nothing in', async () => {
  const { listener, port } = await listening(SECRET);
  const stranger = dial(
    { host: '127.0.0.1', port },
    Buffer.alloc(32, 2),
    { kind: TREE, from: 1, to: 0 },
    soon(),
  );
  await rejects(stranger, coded('AUTHENTICATION'));
  listener.close();
});

link('garbage is answered with silence and a closed connection', async () => {
  const { listener, port } = await listening(SECRET);
  const socket = connect({ host: '127.0.0.1', port });
  let answer = 0;
  socket.on('data', data => {
    answer += data.length;
  });
  socket.on('error', () => {});
  const closed = new Promise(resolve => socket.on('close', resolve));
  socket.write(Buffer.alloc(4096, 0x47));
  await closed;
  assert.is(answer, 0);
  listener.close();
});

link('nobody there: unreachable, not a hang', async () => {
  const { listener, port } = await listening(SECRET);
  listener.close();
  const greeting = { kind: TREE, from: 1, to: 0 } as const;
  await rejects(dial({ host: '127.0.0.1', port }, SECRET, greeting, soon()), coded('UNREACHABLE'));
});

link('somebody there who never answers: the deadline', async () => {
  const { listener, port } = await listening();
  const greeting = { kind: TREE, from: 1, to: 0 } as const;
  await rejects(
    dial({ host: '127.0.0.1', port }, SECRET, greeting, Deadline.after(50)),
    coded('TIMEOUT'),
  );
  listener.close();
});

const local = suite('net/local');

local('every rank of a node hears the verdict, also one that comes late', async () => {
  const gathering = new LocalGathering<{ pid: number }, { directory: string }>(
    2,
    (said): said is { pid: number } => typeof said === 'object',
  );
  const listener = new Listener(arrived => void gathering.admit(arrived));
  const name = `python-mpi-test-${process.pid}`;
  await listener.local(name);
  listener.admit(SECRET);
  const ask = (rank: number) =>
    askLeader(name, SECRET, { rank, position: 0, member: { pid: rank } }, soon());
  const first = ask(1);
  const second = ask(2);
  await gathering.all(soon());
  assert.equal(gathering.members.map(member => member.pid).sort(), [1, 2]);
  gathering.announce({ directory: '/x' });
  assert.equal(await first, { directory: '/x' });
  assert.equal(await second, { directory: '/x' });
  assert.equal(await ask(3), { directory: '/x' });
  listener.close();
});

local('a leader that goes away is an error, not a hang', async () => {
  const arrivals: Link[] = [];
  const listener = new Listener(arrived => {
    arrived.destroy();
    arrivals.push(arrived);
  });
  const name = `python-mpi-test-gone-${process.pid}`;
  await listener.local(name);
  listener.admit(SECRET);
  const asked = askLeader(name, SECRET, { rank: 1, position: 0, member: {} }, soon());
  await rejects(asked, coded('PEER_LOST'));
  assert.is(arrivals[0]!.greeting.kind, LOCAL);
  listener.close();
});

link.run();
local.run();

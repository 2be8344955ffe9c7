/**
 * Strangers and broken peers at a leader's door: each connection that is not one of ours is closed,
 * whatever is said on it, and those that are ours get through meanwhile.
 */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline, pause } from '../../src/deadline.ts';
import { encodeFailure } from '../../src/launch/plan.ts';
import { silent } from '../../src/log.ts';
import { dial } from '../../src/net/dial.ts';
import { Driver, type DriverOptions } from '../../src/net/driver.ts';
import { CHALLENGE_BYTES, HELLO_BYTES, LOCAL, TREE } from '../../src/net/handshake.ts';
import type { Link } from '../../src/net/link.ts';
import { Listener } from '../../src/net/listener.ts';
import { askLeader, LocalGathering } from '../../src/net/local.ts';
import { intrude } from '../support/intruder.ts';
import { Random } from '../support/random.ts';

const SECRET = Buffer.alloc(32, 1);
const soon = () => Deadline.after(60_000);
const greeting = (from: number, to = 0) => ({ kind: TREE, from, to }) as const;

const links = suite('strangers');
const listeners: Listener[] = [];

async function listening(
  accept: (link: Link) => void,
  expects?: ConstructorParameters<typeof Listener>[1],
): Promise<number> {
  const listener = new Listener(accept, expects);
  listeners.push(listener);
  listener.admit(SECRET);
  return listener.tcp();
}

function closeAll(): void {
  for (const listener of listeners.splice(0)) listener.close();
}

links.after.each(closeAll);

links(
  'two thousand who say nothing keep nobody out, and the first of them have to go',
  async () => {
    const port = await listening(link => link.destroy());
    const silent = Array.from({ length: 2000 }, () => intrude(port));
    await Promise.all(
      silent.map(({ socket, closed }) => Promise.race([once(socket, 'connect'), closed])),
    );
    const link = await dial({ host: '127.0.0.1', port }, SECRET, greeting(1), soon());
    link.destroy();
    // The kernel has let all of them in; at most 1,024 are kept, so the others are closed
    // before their time.
    await Promise.race(silent.slice(0, 100).map(({ closed }) => closed));
    for (const { socket } of silent) socket.destroy();
  },
);

/** A listener that does not know its secret yet. */
async function waiting(
  accept: (link: Link) => void,
): Promise<{ listener: Listener; port: number }> {
  const listener = new Listener(accept);
  listeners.push(listener);
  return { listener, port: await listener.tcp() };
}

links('a flood before there is a secret does not push out a peer of another address', async () => {
  const { listener, port } = await waiting(link => link.destroy());
  const dialled = dial({ host: '127.0.0.1', port }, SECRET, greeting(1), soon());
  const flood: Socket[] = [];
  for (let i = 0; i < 3000; i++) {
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    socket.on('error', () => {});
    flood.push(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  }
  listener.admit(SECRET);
  (await dialled).destroy();
  for (const socket of flood) socket.destroy();
});

links('those that hang up before there is a secret leave nothing behind', async () => {
  const { listener, port } = await waiting(() => {});
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 500; i++) {
    const { socket, closed } = intrude(port);
    await once(socket, 'connect');
    socket.end();
    await closed;
  }
  // Nor do those that say more than a hello, or go on after it.
  for (let i = 0; i < 20; i++) await intrude(port, Buffer.alloc(200, 1)).closed;
  while (readdirSync('/proc/self/fd').length > before + 10) await pause(5);
  listener.admit(SECRET);
});

links('what was recorded is worth nothing on another connection', async () => {
  const accepted: Link[] = [];
  const heard = Promise.withResolvers<void>();
  const port = await listening(link => {
    accepted.push(link);
    link.read({ received: () => heard.resolve(), ended: () => {}, lost: () => {} });
  });
  const recorded: Buffer[] = [];
  const between = createServer(client => {
    const server = connect({ host: '127.0.0.1', port });
    client.on('data', data => {
      recorded.push(data);
      server.write(data);
    });
    server.on('data', data => client.write(data));
    for (const socket of [client, server]) socket.on('error', () => {});
    client.on('close', () => server.destroy());
  }).listen(0, '127.0.0.1');
  await once(between, 'listening');
  const tapped = { host: '127.0.0.1', port: (between.address() as AddressInfo).port };
  const link = await dial(tapped, SECRET, greeting(1), soon());
  link.send(Buffer.from('x'));
  await heard.promise;
  link.destroy();
  between.close();
  const { closed } = intrude(port, Buffer.concat(recorded));
  assert.is((await closed).length, CHALLENGE_BYTES);
  assert.is(accepted.length, 1);
});

links('a peer of another job is refused, and so is one who means another leader', async () => {
  let admitted = 0;
  const port = await listening(
    () => admitted++,
    ({ to }) => to === 0,
  );
  const target = { host: '127.0.0.1', port };
  for (const [secret, to, code] of [
    [Buffer.alloc(32, 2), 0, 'AUTHENTICATION'],
    [SECRET, 1, 'UNREACHABLE'],
  ] as const) {
    const error = await dial(target, secret, greeting(1, to), soon()).catch(thrown => thrown);
    assert.is(error.code, code);
  }
  assert.is(admitted, 0);
});

links('any bytes are answered with a challenge at most', async () => {
  let admitted = 0;
  const port = await listening(() => admitted++);
  const hello = Buffer.concat([Buffer.from('PMPI\x01\x01'), Buffer.alloc(HELLO_BYTES)]);
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed * 2654435761);
    const said = random.of([
      () => random.bytes(32 + random.below(3000)),
      () => Buffer.concat([hello.subarray(0, HELLO_BYTES), random.bytes(32 + random.below(99))]),
      () => Buffer.concat([random.near(hello), Buffer.alloc(100)]),
    ])();
    const answer = await intrude(port, said).closed;
    assert.ok(answer.length === 0 || answer.length === CHALLENGE_BYTES, `seed ${seed}`);
  }
  assert.is(admitted, 0);
});

links('one who has proved himself and then says more than anybody reads is closed', async () => {
  const accepted: Link[] = [];
  const port = await listening(link => accepted.push(link));
  const link = await dial({ host: '127.0.0.1', port }, SECRET, greeting(1), soon());
  const ended = new Promise<void>(resolve =>
    link.read({ received: () => {}, ended: resolve, lost: () => resolve() }),
  );
  for (let megabytes = 0; megabytes < 64; megabytes++) link.send(Buffer.alloc(1 << 20));
  await ended;
  assert.is(accepted.length, 1);
});

links('one who only stops talking keeps no descriptor', async () => {
  let over = 0;
  const port = await listening(link =>
    link.read({ received: () => {}, ended: () => over++, lost: () => over++ }),
  );
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 20; i++) {
    const link = await dial({ host: '127.0.0.1', port }, SECRET, greeting(1), soon());
    link.close();
  }
  while (over < 20) await pause(5);
  await pause(0);
  const left = readdirSync('/proc/self/fd').length - before;
  assert.ok(left < 10, `${left} descriptors`);
});

links.run();

const local = suite('ranks of a node that talk nonsense');

local('are turned away, and the others are counted and told', async () => {
  const isMember = (said: unknown): said is { pid: number } =>
    typeof (said as { pid?: unknown } | null)?.pid === 'number';
  const gathering = new LocalGathering<{ pid: number }, { directory: string }>(2, isMember);
  const listener = new Listener(link => void gathering.admit(link));
  const name = `python-mpi-test-hostile-${process.pid}`;
  await listener.local(name);
  listener.admit(SECRET);
  const random = new Random(7);
  const nonsense = [
    '\n',
    'null\n',
    '[]\n',
    '{"pid":"1"}\n',
    '{"pid":1',
    'x'.repeat(100_000),
    ...Array.from({ length: 40 }, () => `${JSON.stringify(random.json())}\n`),
    ...Array.from({ length: 40 }, () => random.bytes(random.below(200))),
  ];
  const broken = await Promise.all(
    nonsense.map(async said => {
      const about = { kind: LOCAL, from: 5, to: 0 } as const;
      const link = await dial({ local: name }, SECRET, about, soon());
      link.send(Buffer.from(said));
      return link;
    }),
  );
  const asked = [1, 2].map(rank =>
    askLeader(name, SECRET, { rank, position: 0, member: { pid: rank, ü: 'ü' } }, soon()),
  );
  await gathering.all(soon());
  gathering.announce({ directory: '/ü' });
  assert.equal(await Promise.all(asked), [{ directory: '/ü' }, { directory: '/ü' }]);
  assert.equal(gathering.members.map(({ pid }) => pid).sort(), [1, 2]);
  for (const link of broken) link.destroy();
  listener.close();
});

local.run();

/** A leader whose stream goes nowhere. */
function driverOf(
  options: Pick<DriverOptions, 'position' | 'count' | 'cardOf' | 'deadline'>,
): Driver {
  let received = 0;
  const complete = Promise.withResolvers<void>();
  const driver: Driver = new Driver({
    ...options,
    kind: TREE,
    secret: SECRET,
    log: silent,
    engine: { graceMs: 4000, rejoinMs: 1500, stallMs: 1000, tolerateLost: 1 },
    stager: {
      announced: async () => ({ says: 'needed', staged: complete.promise }),
      read: async (_package, _offset, into) => void into.fill(7),
      deliver(bytes) {
        received += bytes.length;
        if (received === STREAM) complete.resolve();
        return undefined;
      },
      encode: encodeFailure,
    },
  });
  return driver;
}

const STREAM = 600_000;

/** What a broken peer says: frames of ours, spoiled or not, or anything. */
function babble(random: Random, recorded: readonly Buffer[]): Buffer {
  return random.of([
    () => random.bytes(random.below(2000)),
    () => random.near(random.of(recorded)),
    () => random.of(recorded),
    () => Buffer.alloc(random.below(100_000)),
  ])();
}

const session = suite('peers that have gone mad');
session.after.each(closeAll);

session('the honest ones are staged, whatever the others say after a good handshake', async () => {
  // What an honest child says, for others to make something of.
  const recorded: Buffer[] = [Buffer.from('BCST')];
  const cards = new Map<number, number>();
  const cardOf = async (position: number) => ({
    host: 'here',
    local: '',
    endpoints: [{ host: '127.0.0.1', port: cards.get(position) ?? 1 }],
  });
  const honest = [0, 1, 2, 3].map(position =>
    driverOf({ position, count: 12, cardOf, deadline: soon() }),
  );
  for (const [position, driver] of honest.entries()) {
    const port = await listening(link => {
      if (position === 0 && link.greeting.from < 4) {
        const read = link.read.bind(link);
        link.read = reader =>
          read({
            ...reader,
            received: bytes => {
              recorded.push(Buffer.from(bytes));
              reader.received(bytes);
            },
          });
      }
      driver.adopt(link);
    });
    cards.set(position, port);
  }
  for (const driver of honest) driver.start();
  const mad = Array.from({ length: 60 }, async (_, i) => {
    const random = new Random((i + 1) * 2654435761);
    const from = random.of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 4_000_000_000]);
    const to = random.below(4);
    const about = greeting(from, to);
    const link = await dial({ host: '127.0.0.1', port: cards.get(to)! }, SECRET, about, soon());
    let open = true;
    const over = () => {
      open = false;
    };
    link.read({
      received: bytes => void recorded.push(Buffer.from(bytes).subarray(0, 5000)),
      ended: over,
      lost: over,
    });
    for (let said = 0; open && said < 30; said++) {
      link.send(babble(random, recorded));
      await pause(random.below(20));
    }
    link.destroy();
  });
  honest[0]!.announce([STREAM], Buffer.alloc(0), { says: 'held' });
  const verdicts = await Promise.all(honest.map(driver => driver.verdict));
  await Promise.all(mad);
  // A peer that has the secret can end the job, by a failure or in the name of others; but all have
  // a verdict, and agree. Where the machine is so busy that the root has given one up for lost,
  // that one has failed, and the root knows of it.
  const [first, ...others] = verdicts;
  const apart = others.filter(verdict => JSON.stringify(verdict) !== JSON.stringify(first));
  const lost = 'ready' in first! ? first.ready.lost : others.length;
  const told = JSON.stringify(verdicts);
  assert.ok(apart.length <= lost, told);
  assert.ok(
    apart.every(verdict => 'failure' in verdict),
    told,
  );
  for (const driver of honest) driver.close();
});

session('a parent that has gone mad: a verdict all the same', async () => {
  const verdicts = Array.from({ length: 20 }, async (_, i) => {
    const random = new Random((i + 1) * 2654435761);
    const recorded = [Buffer.alloc(24, 1)];
    const port = await listening(async link => {
      let open = true;
      const over = () => {
        open = false;
      };
      const received = (bytes: Uint8Array) => void recorded.push(Buffer.from(bytes));
      link.read({ received, ended: over, lost: over });
      for (let said = 0; open && said < 20; said++) {
        link.send(babble(random, recorded));
        await pause(0);
      }
      link.destroy();
    });
    const endpoints = [{ host: '127.0.0.1', port }];
    const cardOf = async () => ({ host: 'x', local: '', endpoints });
    const child = driverOf({ position: 1, count: 2, cardOf, deadline: Deadline.after(2000) });
    child.start();
    const verdict = await soon().wait(child.verdict, 'a verdict');
    child.close();
    return verdict;
  });
  for (const verdict of await Promise.all(verdicts)) assert.ok('failure' in verdict);
});

session.run();

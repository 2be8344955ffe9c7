/** Two positions over a cable that is tapped: what the stream looks like on the way. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { encodeFailure } from '../../src/launch/plan.ts';
import { silent } from '../../src/log.ts';
import { Driver } from '../../src/net/driver.ts';
import { TREE } from '../../src/net/handshake.ts';
import { Listener } from '../../src/net/listener.ts';

const SECRET = Buffer.alloc(32, 1);
const OPAQUE = Buffer.from('what the root says of its packages');
const PACKAGE = Buffer.alloc(3_000_000, 'a package, ');

/** Passes everything on to a port, and keeps what comes back. */
async function tap(port: number): Promise<{ port: number; heard: Buffer[]; close(): void }> {
  const heard: Buffer[] = [];
  const server = createServer(client => {
    const far = connect({ host: '127.0.0.1', port });
    client.pipe(far);
    far.on('data', bytes => heard.push(bytes));
    far.pipe(client);
    for (const socket of [client, far]) socket.on('error', () => {});
    client.on('close', () => far.destroy());
    far.on('close', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, heard, close: () => server.close() };
}

/** Sends the package to one other position; what came there, and what went over the cable. */
async function broadcast(encrypt: boolean): Promise<{ arrived: Buffer; heard: Buffer }> {
  const pieces: Buffer[] = [];
  const complete = Promise.withResolvers<void>();
  let received = 0;
  const driverOf = (position: number, port: number) =>
    new Driver({
      kind: TREE,
      position,
      count: 2,
      secret: SECRET,
      encrypt,
      deadline: Deadline.after(30_000),
      log: silent,
      cardOf: async () => ({ host: 'here', local: '', endpoints: [{ host: '127.0.0.1', port }] }),
      stager: {
        announced: async opaque => {
          assert.equal(Buffer.from(opaque), OPAQUE);
          return { says: 'needed', staged: complete.promise };
        },
        read: async (_package, offset, into) =>
          void into.set(PACKAGE.subarray(offset, offset + into.length)),
        deliver(bytes) {
          pieces.push(Buffer.from(bytes));
          received += bytes.length;
          if (received === PACKAGE.length) complete.resolve();
          return undefined;
        },
        encode: encodeFailure,
      },
    });
  const listener = new Listener(link => root.adopt(link));
  const cable = await tap(await listener.tcp());
  listener.admit(SECRET);
  const [root, child] = [driverOf(0, 0), driverOf(1, cable.port)];
  for (const driver of [root, child]) driver.start();
  root.announce([PACKAGE.length], OPAQUE, { says: 'held' });
  for (const driver of [root, child]) assert.ok('ready' in (await driver.verdict));
  await Promise.all([root.done, child.done]);
  for (const driver of [root, child]) driver.close();
  listener.close();
  cable.close();
  return { arrived: Buffer.concat(pieces), heard: Buffer.concat(cable.heard) };
}

const driver = suite('net/driver');

driver('plans cannot be read on the way, and packages only where they may', async () => {
  for (const encrypt of [false, true]) {
    const { arrived, heard } = await broadcast(encrypt);
    assert.ok(arrived.equals(PACKAGE));
    assert.ok(heard.length > PACKAGE.length);
    assert.not.ok(heard.includes(OPAQUE));
    assert.is(heard.includes('a package, '), !encrypt);
  }
});

driver.run();

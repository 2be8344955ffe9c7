/**
 * Questions and answers among strangers: the right one is found, and no other can get in the
 * way.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline, pause } from '../../src/deadline.ts';
import { PythonMpiError } from '../../src/errors.ts';
import { ask, isListening, type Question, Responder } from '../../src/net/question.ts';

const freshName = () => `python-mpi-test-${randomBytes(8).toString('hex')}`;

const double: Question<number> = {
  ask: async () => '21',
  read: async answer => (answer === '42' ? 42 : undefined),
};

function responder(): Responder {
  return new Responder(async question => {
    if (!/^\d+$/.test(question)) throw new Error('not a number');
    return String(2 * Number(question));
  });
}

/** A stranger's server on a port of its own. */
async function stranger(behave: (socket: Socket) => void): Promise<[number, Server]> {
  const server = createServer(socket => {
    socket.on('error', () => {});
    behave(socket);
  });
  server.unref();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return [(server.address() as AddressInfo).port, server];
}

const question = suite('question');

question('the answer is found among ports that are closed, silent or lie', async () => {
  const [lying] = await stranger(socket => socket.on('data', () => socket.write('41\n')));
  const [silent] = await stranger(() => {});
  const [rude] = await stranger(socket => socket.destroy());
  const [free, server] = await stranger(() => {});
  server.close();
  await once(server, 'close');
  const open = responder();
  await open.tcp([free]);
  const ports = [1, lying, silent, rude, free];
  const targets = ports.map(port => ({ host: '127.0.0.1', port }));
  assert.is(await ask(targets, double, Deadline.after(60_000), 'a number'), 42);
  open.close();
});

question('somebody who comes late is waited for', async () => {
  const local = freshName();
  const answer = ask([{ local }], double, Deadline.after(60_000), 'a number');
  const open = responder();
  await open.local(local);
  assert.is(await answer, 42);
  open.close();
});

question('nonsense is not answered, and nothing is once the desk is closed', async () => {
  const local = freshName();
  const open = responder();
  await open.local(local);
  const nonsense: Question<string> = { ask: async () => 'x', read: async answer => answer };
  const expected = async (asked: Promise<unknown>) => {
    const error: unknown = await asked.catch(thrown => thrown);
    assert.ok(error instanceof PythonMpiError);
    assert.is(error.code, 'TIMEOUT');
    assert.match(error.message, /timed out waiting for a number/);
  };
  await expected(ask([{ local }], nonsense, Deadline.after(100), 'a number'));
  for (let i = 0; i < 2; i++)
    assert.is(await ask([{ local }], double, Deadline.after(60_000), 'a number'), 42);
  open.close();
  await expected(ask([{ local }], double, Deadline.after(100), 'a number'));
});

question('an error in making the question ends the asking', async () => {
  const [port] = await stranger(() => {});
  const broken: Question<number> = {
    ask: async () => {
      throw new PythonMpiError('NO_SECRET', 'no credential');
    },
    read: async () => 0,
  };
  const asked = ask([{ host: '127.0.0.1', port }], broken, Deadline.after(60_000), 'a number');
  assert.is((await asked.catch(thrown => thrown)).code, 'NO_SECRET');
});

question('who takes the question and does not answer is told from who is not there', async () => {
  const [rude] = await stranger(socket => socket.once('data', () => socket.destroy()));
  const [gone, server] = await stranger(() => {});
  server.close();
  await once(server, 'close');
  for (const [port, expected] of [
    [rude, true],
    [gone, false],
  ] as const) {
    let isRefused = false;
    const refused = () => {
      isRefused = true;
    };
    const target = { host: '127.0.0.1', port };
    const soon = Deadline.after(2000);
    const asking = ask([target], { ...double, refused }, soon, 'a number');
    assert.is(await asking.catch(error => error.code), 'TIMEOUT');
    assert.is(isRefused, expected);
    assert.is(await isListening([target], Deadline.after(2000)), expected);
  }
});

question('many who ask nonsense wait for each other, and others do not wait for them', async () => {
  let [now, most] = [0, 0];
  const open = new Responder(async asked => {
    most = Math.max(most, ++now);
    await pause(2);
    now--;
    if (!/^\d+$/.test(asked)) throw new Error('nonsense');
    return String(2 * Number(asked));
  });
  const [port, server] = await stranger(() => {});
  server.close();
  await once(server, 'close');
  await open.tcp([port]);
  const flood = Array.from({ length: 300 }, () => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    socket.on('error', () => {});
    socket.write('nonsense\n');
    return once(socket, 'close');
  });
  assert.is(await ask([{ host: '127.0.0.1', port }], double, Deadline.after(60_000), 'x'), 42);
  await Promise.all(flood);
  assert.is(most, 2);
  open.close();
});

question.run();

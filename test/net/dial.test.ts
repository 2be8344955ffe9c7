/** Several addresses, of which some lead nowhere; and which ones a node publishes. */
import { type AddressInfo, createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import type { PythonMpiError } from '../../src/errors.ts';
import { publishableAddresses } from '../../src/net/addresses.ts';
import { dialAny, type Target } from '../../src/net/dial.ts';
import { HELLO_BYTES, TREE } from '../../src/net/handshake.ts';
import type { Link } from '../../src/net/link.ts';
import { Listener } from '../../src/net/listener.ts';

const SECRET = Buffer.alloc(32, 1);
const host = '127.0.0.1';
/** Dials as position `from`. */
function reach(from: number, targets: Target[], timeout = 60_000): Promise<Link> {
  return dialAny(targets, SECRET, { kind: TREE, from, to: 0 }, Deadline.after(timeout));
}

/** A listener that knows the secret, and the links that came to it. */
async function friend(): Promise<{
  target: Target;
  /** Waits for this position, then says who has come so far. */
  until: (from: number) => Promise<number[]>;
  close: () => void;
}> {
  const links: Link[] = [];
  let look = () => {};
  const listener = new Listener(link => {
    links.push(link);
    look();
  });
  listener.admit(SECRET);
  const port = await listener.tcp();
  const close = () => {
    for (const link of links) link.destroy();
    listener.close();
  };
  const came = () => links.map(link => link.greeting.from);
  const until = (from: number) =>
    new Promise<number[]>(resolve => {
      look = () => came().includes(from) && resolve(came());
      look();
    });
  return { target: { host, port }, until, close };
}

/** A port that takes connections and says nothing, and how many bytes it has been told. */
async function silent(): Promise<{ target: Target; told: () => number; close(): void }> {
  let told = 0;
  const server = createServer(socket => {
    socket.on('data', bytes => {
      told += bytes.length;
    });
    socket.on('error', () => {});
  });
  await new Promise<void>(resolve => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return { target: { host, port }, told: () => told, close: () => server.close() };
}

/** A port where no process listens. */
async function deserted(): Promise<Target> {
  const { target, close } = await silent();
  close();
  return target;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: PythonMpiError) => thrown,
  );
  return error?.code ?? 'none';
}

const reaching = suite('net/reach');

reaching('one that does not answer holds nobody up, and learns nothing', async () => {
  const [{ target, until, close }, mute] = [await friend(), await silent()];
  await reach(1, [mute.target, mute.target, target]);
  assert.equal(await until(1), [1]);
  assert.is(mute.told(), 2 * HELLO_BYTES);
  close();
  mute.close();
});

reaching('one where nobody listens costs nothing, wherever it stands', async () => {
  const { target, until, close } = await friend();
  const nobody = await deserted();
  await reach(1, [nobody, nobody, target]);
  await reach(2, [target, nobody]);
  assert.equal(await until(2), [1, 2]);
  close();
});

reaching('of several that lead there only one is used', async () => {
  const { target, until, close } = await friend();
  await reach(1, [target, target, target]);
  // Another one would have come before this.
  await reach(2, [target]);
  assert.equal(await until(2), [1, 2]);
  close();
});

reaching('when none leads there, the error says what became of the last', async () => {
  const nobody = await deserted();
  assert.is(await codeOf(reach(1, [nobody, nobody])), 'UNREACHABLE');
  assert.is(await codeOf(reach(1, [])), 'UNREACHABLE');
  const mute = await silent();
  assert.is(await codeOf(reach(1, [nobody, mute.target], 300)), 'TIMEOUT');
  mute.close();
});

reaching('addresses that mean nothing elsewhere are not published', async () => {
  for (const address of await publishableAddresses())
    assert.not.match(address, /^(127\.|::1$|fe80:|169\.254\.)/);
});

reaching('the user chooses an interface, and is told which there are', async () => {
  assert.ok((await publishableAddresses('lo')).includes('127.0.0.1'));
  const error: PythonMpiError = await publishableAddresses('ib9').catch(thrown => thrown);
  assert.is(error.code, 'USAGE');
  assert.match(error.toLine(), /no interface 'ib9'.*PYTHON_MPI_INTERFACE can be one of lo/);
});

reaching.run();

/** Where a site lets its nodes be reached: ports of a range, at the addresses of an interface. */
import { connect, createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PythonMpiError } from '../../src/errors.ts';
import { Acceptor } from '../../src/net/acceptor.ts';
import { findObstacle } from '../../src/net/probe.ts';
import { portsToTry } from '../../src/net/reach.ts';

const reach = suite('reach');

/** What becomes of a connection. */
const outcomeOf = (host: string, port: number): Promise<string> =>
  new Promise(resolve => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve('connected'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    socket.once('connect', () => socket.destroy());
  });

reach('a range is tried from anywhere in it, each port once', () => {
  const ports = portsToTry({ ports: { first: 50_000, last: 50_099 } });
  assert.equal(
    ports.toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => 50_000 + i),
  );
  assert.equal(portsToTry({ ports: { first: 7, last: 7 } }), [7]);
  assert.equal(portsToTry({}), [0]);
});

reach('a listener with addresses listens there and nowhere else', async () => {
  const acceptor = new Acceptor(({ socket }) => socket.destroy(), 1000);
  const port = await acceptor.tcp([0], ['127.0.0.2', '127.0.0.3']);
  assert.is(await outcomeOf('127.0.0.2', port), 'connected');
  assert.is(await outcomeOf('127.0.0.3', port), 'connected');
  assert.is(await outcomeOf('127.0.0.1', port), 'ECONNREFUSED');
  acceptor.close();
});

reach(
  'a port that another process has is passed over, and a range without any is told',
  async () => {
    const taken = createServer().listen(0, '127.0.0.2');
    await new Promise(resolve => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const acceptor = new Acceptor(() => {}, 1000);
    assert.is.not(await acceptor.tcp([port, 0], ['127.0.0.2']), port);
    const error = await acceptor.tcp([port, port], ['127.0.0.2']).catch(thrown => thrown);
    assert.instance(error, PythonMpiError);
    assert.match(error.toLine(), new RegExp(`from ${port} to ${port}.*PYTHON_MPI_PORT_RANGE`));
    acceptor.close();
    taken.close();
  },
);

reach('a name that stands for nothing is an obstacle; a port that refuses is none', async () => {
  const free = await new Promise<number>(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
  assert.is(await findObstacle([{ host: '127.0.0.1', port: free }]), undefined);
  const nowhere = { host: 'no-such-host.invalid', port: free };
  assert.equal(await findObstacle([nowhere]), { why: 'unknown name', host: nowhere.host });
  // A peer is within reach if any of its addresses is.
  assert.is(await findObstacle([nowhere, { host: '127.0.0.1', port: free }]), undefined);
});

reach.run();

/**
 * A process at one end of what hop.ts measures; speaks to it over IPC.
 *
 *     carrier echo                  sends everything back; says its port
 *     carrier node POSITION MIB     a position in a chain of three that moves so much from the root's memory, and drops
 *                                   it; says its port, hears all ports, says what it has cost
 */
import { randomBytes } from 'node:crypto';
import { Deadline } from '../../src/deadline.ts';
import { SHAPE } from '../../src/engine/engine.ts';
import { encodeFailure } from '../../src/launch/plan.ts';
import { silent } from '../../src/log.ts';
import { Driver } from '../../src/net/driver.ts';
import { TREE } from '../../src/net/handshake.ts';
import { Listener } from '../../src/net/listener.ts';

/** What a position has cost: microseconds of processor time, from the first byte to the verdict. */
export interface Carried {
  cpu: number;
}

const SECRET = Buffer.alloc(32, 1);
const say = (message: unknown) => process.send!(message);

async function echo(): Promise<void> {
  const listener = new Listener(link =>
    link.read({
      received: bytes => link.send(Buffer.from(bytes)),
      ended: () => link.destroy(),
      lost: () => {},
    }),
  );
  listener.admit(SECRET);
  say(await listener.tcp());
  process.once('disconnect', () => listener.close());
}

async function node(position: number, size: number): Promise<void> {
  const root = position === 0;
  const memory = root ? randomBytes(size) : Buffer.alloc(0);
  const listener = new Listener(link => driver.adopt(link));
  const hears = new Promise<number[]>(resolve => process.once('message', resolve as never));
  say(await listener.tcp());
  const ports = await hears;
  let received = 0;
  const complete = Promise.withResolvers<void>();
  let before = process.cpuUsage();
  const driver = new Driver({
    kind: TREE,
    position,
    count: ports.length,
    secret: SECRET,
    deadline: Deadline.after(60_000),
    log: silent,
    engine: { shape: SHAPE.CHAIN },
    cardOf: async of => ({
      host: 'here',
      endpoints: [{ host: '127.0.0.1', port: ports[of]! }],
      local: '',
    }),
    stager: {
      announced: async () => ({ says: 'needed', staged: complete.promise }),
      read: async (_package, offset, into) =>
        into.set(memory.subarray(offset, offset + into.length)),
      deliver(bytes) {
        if (received === 0) before = process.cpuUsage();
        received += bytes.length;
        if (received === size) complete.resolve();
        return undefined;
      },
      encode: encodeFailure,
    },
  });
  listener.admit(SECRET);
  driver.start();
  if (root) driver.announce([size], Buffer.alloc(0), { says: 'held' });
  await driver.verdict;
  const { user, system } = process.cpuUsage(before);
  await driver.done;
  say({ cpu: user + system } satisfies Carried);
  driver.close();
  listener.close();
  process.disconnect();
}

const [role, position, mib] = process.argv.slice(2);
if (role === 'echo') await echo();
else await node(Number(position), Number(mib) * 2 ** 20);

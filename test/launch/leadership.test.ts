/**
 * Two runs that follow each other, and know the same secret: no rank of one gets into the other.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { Leadership } from '../../src/launch/leadership.ts';
import { encodeFailure, encodePlan } from '../../src/launch/plan.ts';
import type { NodeMap } from '../../src/launch/rendezvous/node-map.ts';
import type { Rendezvous } from '../../src/launch/rendezvous/rendezvous.ts';
import { silent } from '../../src/log.ts';
import { dial, retry } from '../../src/net/dial.ts';
import { type Greeting, OtherSession, SURVEY, TREE } from '../../src/net/handshake.ts';
import type { Link } from '../../src/net/link.ts';
import { askLeader } from '../../src/net/local.ts';

const SECRET = Buffer.alloc(32, 1);
const soon = () => Deadline.after(20_000);

/**
 * Finds leaders by where they listen now: those of a later run where those of an earlier one did.
 */
class Places {
  readonly ports = new Map<number, number>();
  settled = 0;

  of(position: number, local: string): Rendezvous {
    return {
      lead: async listener => {
        await listener.local(local);
        this.ports.set(position, await listener.tcp());
        return SECRET;
      },
      follow: () => assert.unreachable() as never,
      allStarted: false,
      latenessMs: 0,
      cardOf: async of => ({
        host: `n${of}`,
        local: '',
        endpoints: [{ host: '127.0.0.1', port: this.ports.get(of)! }],
      }),
      settled: () => void this.settled++,
      close: () => {},
    };
  }
}

function nodeMapOf(position: number): NodeMap {
  const locals = position === 0 ? 2 : 1;
  return { position, leaders: [0, 2], leads: true, locals, isDeputy: position === 1 };
}

/** A leader that needs nothing. */
async function lead(places: Places, position: number, local: string) {
  const leadership = await Leadership.take(
    places.of(position, local),
    nodeMapOf(position),
    soon(),
    silent,
  );
  const driver = leadership.join(TREE, {
    announced: async () => ({ says: 'held' }),
    read: () => assert.unreachable() as never,
    deliver: () => assert.unreachable() as never,
    encode: encodeFailure,
  });
  if (position === 0) {
    driver.announce([], encodePlan({ packages: [] }, SECRET), { says: 'held' });
  }
  return { leadership, driver };
}

const runs = suite('launch: one run after the other');

runs('a peer of the next run is told to come later, and does', async () => {
  const places = new Places();
  const local = (name: string) => `python-mpi-test-${process.pid}-${name}`;
  const [root, other] = await Promise.all([
    lead(places, 0, local('root')),
    lead(places, 1, local('other')),
  ]);
  for (const { driver } of [root, other]) assert.ok('ready' in (await driver.verdict));
  assert.is(places.settled, 2);

  // The root waits for a rank of its node; the other leader is in the next run already.
  const port = places.ports.get(0)!;
  const reach = (greeting: Greeting): Promise<Link> =>
    dial({ host: '127.0.0.1', port }, SECRET, greeting, soon());
  for (const kind of [TREE, SURVEY] as const) {
    const error = await reach({ kind, from: 1, to: 0 }).catch(thrown => thrown);
    assert.instance(error, OtherSession);
    assert.is(error.code, 'UNREACHABLE');
  }
  (await reach({ kind: TREE, from: 1, to: 0, returns: true })).destroy();

  const about = { rank: 1, position: 0, member: { pid: process.pid, started: '1' } };
  root.leadership.gathering.announce({ directory: '/first' });
  const ask = () => askLeader(local('root'), SECRET, about, soon());
  assert.equal(await ask(), { directory: '/first' });
  assert.instance(await ask().catch(thrown => thrown), OtherSession);

  // The next run of the root begins while the other one keeps looking for it.
  const late = lead(places, 1, local('late'));
  await Promise.all([root.leadership.conclude(), other.leadership.conclude()]);
  const next = await lead(places, 0, local('root'));
  next.leadership.gathering.announce({ directory: '/next' });
  assert.equal(await retry(ask, soon(), soon()), { directory: '/next' });
  for (const { driver } of [next, await late]) assert.ok('ready' in (await driver.verdict));
  for (const { leadership } of [next, await late]) void leadership.conclude();
});

runs.run();

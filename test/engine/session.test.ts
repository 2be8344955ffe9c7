/** Whole sessions of a few engines in one process: what one sends, the other is fed. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Actions,
  Engine,
  type EngineConfig,
  type Failure,
  type Ready,
} from '../../src/engine/engine.ts';
import { instantiate } from '../../src/engine/load.ts';

const SMALL = {
  segmentBytes: 100,
  slots: 4,
  maxLinks: 8,
  planBytes: 1024,
  inboxBytes: 4096,
} satisfies Partial<EngineConfig>;

/** One position: an engine, its end of every wire, and what it was told. */
class Node {
  readonly engine: Engine;
  readonly received: Buffer[] = [];
  /** Link id -> the peer and its id for the same wire. */
  readonly wires = new Map<number, { peer: Node; id: number }>();
  opaque: string | undefined;
  sizes: number[] = [];
  verdict: Ready | Failure | undefined;
  /** Cuts the wire to the parent before the record with this number arrives here; once. */
  cutAt = Number.POSITIVE_INFINITY;
  done = false;
  readonly position: number;
  readonly needed: boolean;

  constructor(position: number, count: number, needed = true) {
    this.position = position;
    this.needed = needed;
    this.engine = new Engine(instantiate(), { ...SMALL, position, count }, 0);
  }

  get freeId(): number {
    for (let id = 0; ; id++) if (!this.wires.has(id)) return id;
  }
}

/** Runs until no position has anything to do. */
function run(nodes: Node[], packages: Buffer[]): void {
  let moved = true;
  const actionsOf = (node: Node): Actions => {
    const { engine, wires } = node;
    return {
      dial(position) {
        const peer = nodes[position]!;
        const [id, peerId] = [node.freeId, peer.freeId];
        wires.set(id, { peer, id: peerId });
        peer.wires.set(peerId, { peer: node, id });
        peer.engine.opened(peerId, node.position, 'child');
        engine.opened(id, position, 'parent');
      },
      plan(opaque, sizes) {
        node.opaque = Buffer.from(opaque).toString();
        node.sizes = sizes;
        engine.want(node.needed);
        if (!node.needed) engine.staged(true);
      },
      read(slot, packageIndex, offset, into) {
        into.set(packages[packageIndex]!.subarray(offset, offset + into.length));
        engine.read(slot);
      },
      send(link, bytes) {
        const { peer, id } = wires.get(link)!;
        if (--peer.cutAt === 0) {
          wires.delete(link);
          peer.wires.delete(id);
          peer.engine.feed(id, bytes.subarray(0, bytes.length >> 1));
          peer.engine.lost(id);
          engine.lost(link);
          return;
        }
        peer.engine.feed(id, bytes);
        engine.sent(link, bytes.length);
      },
      deliver(_packageIndex, _offset, bytes) {
        node.received.push(Buffer.from(bytes));
        engine.delivered(1);
        const total = node.received.reduce((sum, part) => sum + part.length, 0);
        if (total === Buffer.concat(packages).length) engine.staged(false);
      },
      close(link) {
        const { peer, id } = wires.get(link)!;
        wires.delete(link);
        peer.wires.delete(id);
        peer.engine.lost(id);
      },
      ready(counts) {
        node.verdict = counts;
      },
      failed(failure) {
        node.verdict = failure;
      },
      done() {
        node.done = true;
      },
    };
  };
  const counting = (node: Node): Actions => {
    const actions = actionsOf(node);
    return new Proxy(actions, {
      get(target, name: keyof Actions) {
        moved = true;
        return target[name];
      },
    });
  };
  const all = nodes.map(node => [node, counting(node)] as const);
  while (moved) {
    moved = false;
    for (const [node, actions] of all) node.engine.drain(actions);
  }
}

function bytes(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 255));
}

const test = suite('engine session');

test('two packages reach every position, and all get the same go', () => {
  const packages = [bytes(1234, 1), bytes(0, 2), bytes(5000, 3)];
  const nodes = [0, 1, 2, 3].map(position => new Node(position, 4));
  const root = nodes[0]!.engine;
  root.plan([1234, 0, 5000], Buffer.from('digests'));
  root.want(true);
  run(nodes, packages);
  for (const node of nodes) {
    assert.equal(Buffer.concat(node.received), Buffer.concat(packages));
    assert.equal(node.verdict, { ready: 4, reused: 0, lost: 0 });
    assert.ok(node.done);
  }
  assert.is(nodes[3]!.opaque, 'digests');
  assert.equal(nodes[3]!.sizes, [1234, 0, 5000]);
  assert.is(nodes[2]!.engine.statistics.segmentsOut, 13 + 50);
});

test('when all hold everything no payload moves', () => {
  const packages = [bytes(10_000, 1)];
  const nodes = [0, 1, 2, 3, 4].map(position => new Node(position, 5, false));
  const root = nodes[0]!.engine;
  root.plan([10_000], Buffer.alloc(0));
  root.want(false);
  root.staged(true);
  run(nodes, packages);
  for (const node of nodes) {
    assert.equal(node.verdict, { ready: 5, reused: 5, lost: 0 });
    assert.is(node.engine.statistics.segmentsIn, 0);
  }
});

test('a position that holds everything relays to one that does not', () => {
  const packages = [bytes(3000, 1)];
  const nodes = [0, 1, 2, 3].map(position => new Node(position, 4, position === 3));
  const root = nodes[0]!.engine;
  root.plan([3000], Buffer.alloc(0));
  root.want(false);
  root.staged(true);
  run(nodes, packages);
  assert.equal(Buffer.concat(nodes[3]!.received), packages[0]);
  assert.is(nodes[2]!.received.length, 0);
  assert.is(nodes[1]!.engine.statistics.segmentsIn, 0);
  assert.equal(nodes[0]!.verdict, { ready: 4, reused: 3, lost: 0 });
});

test('a position whose link is cut goes on with another parent where it stopped', () => {
  const packages = [bytes(5000, 1)];
  for (let cutAt = 1; cutAt < 60; cutAt++) {
    const nodes = [0, 1, 2, 3].map(position => new Node(position, 4));
    nodes[3]!.cutAt = cutAt;
    nodes[0]!.engine.plan([5000], Buffer.alloc(0));
    nodes[0]!.engine.want(true);
    run(nodes, packages);
    for (const node of nodes) {
      assert.equal(Buffer.concat(node.received), packages[0], `cut at ${cutAt}`);
      assert.equal(node.verdict, { ready: 4, reused: 0, lost: 0 }, `cut at ${cutAt}`);
    }
    const { reparented } = nodes[3]!.engine.statistics;
    assert.is(reparented, nodes[3]!.cutAt > 0 ? 0 : 1, `cut at ${cutAt}`);
  }
});

test('the first failure is the verdict everywhere, with its words', () => {
  const nodes = [0, 1, 2, 3].map(position => new Node(position, 4));
  nodes[0]!.engine.plan([0], Buffer.alloc(0));
  nodes[0]!.engine.want(true);
  nodes[3]!.engine.failed(72, 'no space left — really');
  run(nodes, [Buffer.alloc(0)]);
  for (const node of nodes) {
    assert.equal(node.verdict, { code: 72, position: 3, text: 'no space left — really' });
    assert.ok(node.done);
  }
});

test('a call that does not fit is an error, and stays one', () => {
  const { engine } = new Node(0, 1);
  assert.throws(() => engine.want(true), /does not fit the state/);
  assert.throws(() => engine.plan([1], Buffer.alloc(0)), /does not fit the state/);
});

test('an impossible configuration is refused', () => {
  assert.throws(
    () => new Engine(instantiate(), { position: 5, count: 5 }, 0),
    /describes no possible session/,
  );
});

test('the deadline is a moment of the clock given at the start', () => {
  const engine = new Engine(instantiate(), { ...SMALL, position: 0, count: 2, graceMs: 500 }, 1000);
  assert.is(engine.deadline, 1500);
});

test.run();

/**
 * Records and the engine together: what arrives is put where it stays, however the wire cuts it,
 * and is what was sent; what lay there before is not taken for the stream any more.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Actions, Engine, type EngineConfig } from '../../src/engine/engine.ts';
import { instantiate } from '../../src/engine/load.ts';
import { HEAD_BYTES, RecordReader, RecordWriter } from '../../src/net/records.ts';
import { Random } from '../support/random.ts';

const SHAPE: Partial<EngineConfig> = {
  count: 2,
  segmentBytes: 1000,
  slots: 8,
  maxLinks: 4,
  planBytes: 1024,
  gapBytes: HEAD_BYTES,
  verified: 1,
};
const KEYS = { up: Buffer.alloc(32, 1), down: Buffer.alloc(32, 2) };
const LINK = 0;

/** One end of the only wire: what it sends lies in `wire` until the other end takes it. */
class End {
  readonly engine: Engine;
  readonly delivered: Buffer[] = [];
  wire = Buffer.alloc(0);
  inPlace = 0;
  elsewhere = 0;
  ready = false;
  readonly #writer: RecordWriter;
  readonly #reader: RecordReader;
  readonly #stream: Buffer;
  readonly #isRoot: boolean;

  constructor(isRoot: boolean, stream: Buffer) {
    this.#isRoot = isRoot;
    this.#stream = stream;
    this.engine = new Engine(instantiate(), { ...SHAPE, position: isRoot ? 0 : 1 }, 0);
    this.#writer = new RecordWriter(isRoot ? KEYS.down : KEYS.up);
    this.#reader = new RecordReader(isRoot ? KEYS.up : KEYS.down);
  }

  /** Takes some bytes from the other end, as a socket puts them. */
  take(peer: End, random: Random): void {
    const place = { place: () => this.engine.place(LINK), put: this.engine.put.bind(this.engine) };
    const some = peer.wire.subarray(0, 1 + random.below(random.of([30, 1100, 5000])));
    let taken: number;
    const space = this.#reader.space(place);
    if (space === undefined) {
      taken = this.#reader.push(some);
      this.elsewhere += taken;
    } else {
      taken = Math.min(space.length, some.length);
      space.set(some.subarray(0, taken));
      this.#reader.filled(taken, place);
      this.inPlace += taken;
    }
    peer.wire = Buffer.from(peer.wire.subarray(taken));
    for (let body = this.#reader.next(); body !== undefined; body = this.#reader.next()) {
      this.engine.feed(LINK, body);
      this.engine.drain(this.#actions);
    }
    this.#reader.settle(place);
  }

  act(): void {
    this.engine.drain(this.#actions);
  }

  readonly #actions: Actions = {
    dial: position => this.engine.opened(LINK, position, 'parent'),
    plan: () => this.engine.want(true),
    read: (slot, _package, offset, into) => {
      into.set(this.#stream.subarray(offset, offset + into.length));
      this.engine.read(slot);
    },
    send: (_link, bytes) => {
      const record = this.#writer.record(bytes, bytes.length < 500);
      this.wire = Buffer.concat([this.wire, ...record]);
      this.engine.sent(LINK, bytes.length);
    },
    deliver: (_package, _offset, bytes) => {
      this.delivered.push(Buffer.from(bytes));
      this.engine.delivered(1);
      const all = this.delivered.reduce((sum, { length }) => sum + length, 0);
      if (all === this.#stream.length && !this.#isRoot) this.engine.staged(false);
    },
    close: (_link, reason) => assert.unreachable(reason),
    ready: () => {
      this.ready = true;
    },
    failed: ({ text }) => assert.unreachable(text),
    done: () => {},
  };
}

const both = suite('records in the window');

both('a stream arrives in place, whatever the cuts', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed * 2654435761);
    const stream = random.bytes(random.below(60_000));
    const [root, child] = [new End(true, stream), new End(false, stream)];
    root.engine.opened(LINK, 1, 'child');
    root.engine.plan([stream.length], Buffer.from('opaque'));
    root.engine.want(false);
    root.engine.staged(true);
    for (let rounds = 0; !(root.ready && child.ready); rounds++) {
      assert.ok(rounds < 100_000, `seed ${seed} is stuck`);
      root.act();
      child.act();
      if (root.wire.length > 0 && random.below(3) > 0) child.take(root, random);
      if (child.wire.length > 0) root.take(child, random);
    }
    assert.ok(Buffer.concat(child.delivered).equals(stream), `seed ${seed}`);
    assert.is(child.engine.statistics.corrupt, 0);
    if (stream.length > 20_000) assert.ok(child.inPlace > child.elsewhere, `seed ${seed}`);
  }
});

both.run();

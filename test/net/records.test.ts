/**
 * The record layer against everything that may be on the wire: what is given out is what was
 * written, in order, or reading ends with the one declared error.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ForgedRecord,
  HEAD_BYTES,
  MAX_BODY,
  type Place,
  RecordReader,
  RecordWriter,
} from '../../src/net/records.ts';
import { Random } from '../support/random.ts';

const KEY = Buffer.alloc(32, 1);
const OTHER = Buffer.alloc(32, 2);

/** Records of these bodies, every second one sealed. */
function written(bodies: readonly Uint8Array[], key = KEY): Buffer[] {
  const writer = new RecordWriter(key);
  return bodies.map((body, i) => Buffer.concat(writer.record(body, i % 2 === 1)));
}

/** Takes all that is whole, as a link does. */
function takeAll(reader: RecordReader, place: Place | undefined, to: Buffer[]): void {
  for (let body = reader.next(); body !== undefined; body = reader.next())
    to.push(Buffer.from(body));
  reader.settle(place);
}

/** Reads chunks, each from wherever it lies or through the place that the reader asks for. */
function readAll(chunks: readonly Uint8Array[], place?: Place, key = KEY) {
  const reader = new RecordReader(key);
  const bodies: Buffer[] = [];
  try {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        const space = place && reader.space(place);
        if (space === undefined) {
          at += reader.push(chunk.subarray(at));
        } else {
          assert.ok(space.length > 0);
          const part = chunk.subarray(at, at + space.length);
          space.set(part);
          reader.filled(part.length, place);
          at += part.length;
        }
        takeAll(reader, place, bodies);
      }
    }
  } catch (error) {
    assert.instance(error, ForgedRecord);
    return { bodies, forged: true };
  }
  return { bodies, forged: false };
}

/**
 * Memory that a reader gives out bit by bit, as an engine does; what is not put there is spoiled.
 */
function memory(random: Random): Place {
  const arena = new Uint8Array(400_000);
  return {
    place() {
      const from = random.below(1000);
      const length = random.of([0, 10, 60, 5000, 300_000]);
      return random.of([() => undefined, () => arena.subarray(from, from + length)])();
    },
    put(bytes) {
      assert.is(bytes.buffer, arena.buffer);
    },
  };
}

function cut(wire: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < wire.length; ) {
    const length = 1 + random.below(random.of([3, 50, 5000, 500_000]));
    chunks.push(wire.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

const records = suite('net/records');

records('what is written is read, at every split', () => {
  const bodies = ['a', 'bcd', 'e'.repeat(40), 'f'].map(text => Buffer.from(text));
  const wire = Buffer.concat(written(bodies));
  for (let at = 0; at <= wire.length; at++) {
    const chunks = [wire.subarray(0, at), wire.subarray(at)];
    assert.equal(readAll(chunks), { bodies, forged: false });
    const whole = new Uint8Array(4096);
    const place = { place: () => whole, put: () => {} };
    assert.equal(readAll(chunks, place), { bodies, forged: false });
  }
});

records('and in whatever pieces it comes, wherever they are put', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed * 2654435761);
    const bodies = Array.from({ length: 1 + random.below(12) }, () =>
      Buffer.alloc(1 + random.below(random.of([30, 3000, 262_144])), random.bytes(7)),
    );
    const chunks = cut(Buffer.concat(written(bodies)), random);
    const place = random.of([() => undefined, () => memory(random)])();
    const read = readAll(chunks, place);
    assert.ok(!read.forged, `seed ${seed}`);
    assert.ok(Buffer.concat(read.bodies).equals(Buffer.concat(bodies)), `seed ${seed}`);
  }
});

records('the longest body arrives, and a longer one is no record', () => {
  const body = Buffer.alloc(MAX_BODY, 7);
  assert.ok(readAll(written([body])).bodies[0]!.equals(body));
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(MAX_BODY + 1);
  assert.equal(readAll([head]), { bodies: [], forged: true });
  assert.equal(readAll([Buffer.alloc(HEAD_BYTES)]), { bodies: [], forged: true });
});

records('a clear body is neither copied nor changed; a sealed one cannot be read', () => {
  const writer = new RecordWriter(KEY);
  const body = Buffer.from('the secret of this job');
  assert.is(writer.record(body, false)[1], body);
  const [, sealed] = writer.record(body, true);
  assert.not.ok(Buffer.from(sealed).includes('secret'));
});

records('a flipped bit ends it, wherever it is, and nothing wrong is given out', () => {
  const bodies = ['first', 'second', 'third'].map(text => Buffer.from(text));
  const each = written(bodies);
  const wire = Buffer.concat(each);
  const ends = each.map((_, i) => Buffer.concat(each.slice(0, i + 1)).length);
  for (let bit = 0; bit < wire.length * 8; bit++) {
    const spoiled = Buffer.from(wire);
    spoiled[bit >> 3]! ^= 1 << (bit & 7);
    const read = readAll([spoiled]);
    const intact = ends.filter(end => end <= bit >> 3).length;
    assert.equal(read.bodies, bodies.slice(0, intact), `bit ${bit}`);
    // A record that has become longer waits for more, whatever that is.
    const more = Buffer.alloc(2 * MAX_BODY);
    if (!read.forged) assert.ok(readAll([spoiled, more]).forged, `bit ${bit}`);
  }
});

records('a record that is left out, repeated, exchanged or of another key is not believed', () => {
  const bodies = ['a', 'b', 'c', 'd'].map(text => Buffer.from(text));
  const wire = written(bodies);
  const foreign = written(bodies, OTHER);
  for (const [order, good] of [
    [[0, 2], 1],
    [[0, 0], 1],
    [[0, 2, 1], 1],
    [[1], 0],
    [[0, 1, 0], 2],
    [[3, 2, 1, 0], 0],
  ] as const) {
    const read = readAll(order.map(i => wire[i]!));
    assert.equal(read, { bodies: bodies.slice(0, good), forged: true }, String(order));
  }
  assert.equal(readAll([wire[0]!, foreign[1]!]), { bodies: bodies.slice(0, 1), forged: true });
  assert.equal(readAll(foreign), { bodies: [], forged: true });
});

records('a clear record is not taken for a sealed one, nor the other way round', () => {
  for (const sealed of [false, true]) {
    const [head, body] = new RecordWriter(KEY).record(Buffer.from('body'), sealed);
    head[4]! ^= 1;
    assert.equal(readAll([head, body]), { bodies: [], forged: true });
  }
});

records('garbage and spoiled records: what was written up to there, then nothing', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = new Random(seed * 2654435761);
    const bodies = Array.from({ length: 1 + random.below(5) }, () =>
      random.bytes(1 + random.below(200)),
    );
    const wire = written(bodies);
    const at = random.below(wire.length);
    const spoiled = random.of([
      () => random.bytes(1 + random.below(300)),
      () => random.near(wire[at]!),
      () => wire[at]!.subarray(0, random.below(wire[at]!.length)),
    ])();
    const all = Buffer.concat([...wire.slice(0, at), spoiled, ...wire.slice(at)]);
    const read = readAll(cut(all, random), memory(random));
    const expected = Buffer.concat(bodies);
    const got = Buffer.concat(read.bodies);
    assert.ok(expected.subarray(0, got.length).equals(got), `seed ${seed}`);
  }
});

records.run();

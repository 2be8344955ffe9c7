import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BrokenRing, RingReader, RingWriter, ringMemory } from '../../../src/stage/unpack/ring.ts';

function ring(capacity: number, marks = 0): { writer: RingWriter; reader: RingReader } {
  const memory = ringMemory(capacity, marks);
  return { writer: new RingWriter(memory), reader: new RingReader(memory) };
}

function write(writer: RingWriter, text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    const space = writer.space(rest.length);
    assert.ok(space.length > 0, 'the ring is full');
    rest.copy(space);
    writer.commit(space.length);
    rest = rest.subarray(space.length);
  }
}

function read(reader: RingReader, limit: number, mark = 0): string {
  const data = reader.waitForData(limit, mark);
  const text = data.toString('latin1');
  reader.release(data.length);
  return text;
}

const rings = suite('ring');

rings('gives back what was written, in pieces that end at its own end', () => {
  const { writer, reader } = ring(8);
  write(writer, 'abcdef');
  assert.is(read(reader, 4), 'abcd');
  write(writer, 'ghijkl');
  assert.is(writer.space(8).length, 0);
  assert.is(read(reader, 8), 'efgh');
  assert.is(read(reader, 8), 'ijkl');
});

rings('stops at each mark, wherever it is', () => {
  const { writer, reader } = ring(16, 3);
  write(writer, 'one');
  writer.mark();
  writer.mark();
  write(writer, 'two');
  assert.is(read(reader, 9, 0), 'one');
  assert.is(read(reader, 9, 0), '');
  assert.is(read(reader, 9, 1), '');
  assert.is(read(reader, 9, 2), 'two');
  writer.mark();
  assert.is(read(reader, 9, 2), '');
});

rings('goes on where positions wrap at 2^32', () => {
  const memory = ringMemory(8, 1);
  const control = new Int32Array(memory.control);
  control[0] = control[1] = -4; // written and read: four bytes before the wrap
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  write(writer, 'abcdef');
  writer.mark();
  write(writer, 'gh');
  assert.is(writer.space(8).length, 0);
  assert.is(read(reader, 8, 0), 'abcd');
  assert.is(read(reader, 8, 0), 'ef');
  assert.is(read(reader, 8, 0), '');
  assert.is(read(reader, 8, 1), 'gh');
});

rings('tells the writer when there is space again', async () => {
  const { writer, reader } = ring(8);
  write(writer, 'abcdefgh');
  let told = false;
  const waiting = writer.untilSpace().then(() => {
    told = true;
  });
  await Promise.resolve();
  assert.not(told);
  read(reader, 3);
  await waiting;
  assert.is(writer.space(8).length, 3);
});

rings('once broken ends every wait', async () => {
  const { writer, reader } = ring(8);
  write(writer, 'abcdefgh');
  const waiting = writer.untilSpace();
  reader.break();
  await waiting;
  assert.throws(
    () => reader.waitForData(8, 0),
    (error: Error) => error instanceof BrokenRing,
  );
  assert.throws(
    () => writer.waitForSpace(8),
    (error: Error) => error instanceof BrokenRing,
  );
});

rings.run();

/**
 * A pipe between two threads: one writer, one reader, bytes in shared memory, nothing copied but the
 * bytes themselves. Knows nothing of what they mean.
 *
 * Both sides see contiguous spans of the one buffer: the writer fills `space()` and commits, the
 * reader looks at `data()` and releases. Positions count all bytes ever moved, modulo 2^32, so their
 * difference is the fill. A side that must wait sleeps on a word that the other side increments after
 * each change; it reads that word before it looks, so no change between looking and sleeping is lost.
 *
 * The writer may set marks ("here a package ends"), numbered from 0. The reader asks for data up to a
 * mark and gets nothing beyond it, however much is already there.
 */

/** Words of the control block; marks follow. */
const WRITTEN = 0; // position up to which the writer has committed
const READ = 1; // position up to which the reader has released
const WRITER_BELL = 2; // rung by the reader
const READER_BELL = 3; // rung by the writer
const CLOSED = 4; // no more bytes will come
const BROKEN = 5; // one side gave up: neither may go on
const MARKS = 6; // number of marks set
const MARK = 7; // position of mark 0

/** What can be posted to another thread to open the same ring there. */
export interface RingMemory {
  control: SharedArrayBuffer;
  bytes: SharedArrayBuffer;
}

/** Thrown by a wait when the other side has given up. Whoever broke the ring tells the reason. */
export class BrokenRing extends Error {
  constructor() {
    super('the other end of the ring gave up');
    this.name = 'BrokenRing';
  }
}

/**
 * Memory for a ring.
 * @param capacity bytes, a power of two below 2^31 (positions wrap at 2^32)
 * @param marks how many marks will be set at most
 */
export function ringMemory(capacity: number, marks: number): RingMemory {
  return {
    control: new SharedArrayBuffer(4 * (MARK + marks)),
    bytes: new SharedArrayBuffer(capacity),
  };
}

class RingEnd {
  protected readonly control: Int32Array;
  protected readonly bytes: Buffer;

  constructor(memory: RingMemory) {
    this.control = new Int32Array(memory.control);
    this.bytes = Buffer.from(memory.bytes);
  }

  /** Makes every present and future wait on either side throw {@link BrokenRing}. */
  break(): void {
    Atomics.store(this.control, BROKEN, 1);
    this.ring(READER_BELL);
    this.ring(WRITER_BELL);
  }

  get broken(): boolean {
    return Atomics.load(this.control, BROKEN) !== 0;
  }

  protected get fill(): number {
    return (Atomics.load(this.control, WRITTEN) - Atomics.load(this.control, READ)) >>> 0;
  }

  protected ring(bell: number): void {
    Atomics.add(this.control, bell, 1);
    Atomics.notify(this.control, bell);
  }

  protected advance(position: number, count: number, bell: number): void {
    Atomics.add(this.control, position, count);
    this.ring(bell);
  }

  /** At most `limit` of `available` bytes from `position`, as far as they lie in one piece. */
  protected span(position: number, available: number, limit: number): Buffer {
    const capacity = this.bytes.length;
    const start = (position >>> 0) % capacity;
    return this.bytes.subarray(start, start + Math.min(available, limit, capacity - start));
  }
}

export class RingWriter extends RingEnd {
  /** Free memory to fill, in one piece and at most `limit` bytes; empty when the ring is full. */
  space(limit: number): Buffer {
    const free = this.bytes.length - this.fill;
    return this.span(Atomics.load(this.control, WRITTEN), free, limit);
  }

  /** As {@link space}, but sleeps until there is some. Not for the main thread. */
  waitForSpace(limit: number): Buffer {
    for (;;) {
      const bell = Atomics.load(this.control, WRITER_BELL);
      if (this.broken) throw new BrokenRing();
      const space = this.space(limit);
      if (space.length > 0) return space;
      Atomics.wait(this.control, WRITER_BELL, bell);
    }
  }

  /** Resolves as soon as there is space, or the ring is broken. For the main thread. */
  async untilSpace(): Promise<void> {
    for (;;) {
      const bell = Atomics.load(this.control, WRITER_BELL);
      if (this.broken || this.fill < this.bytes.length) return;
      await Atomics.waitAsync(this.control, WRITER_BELL, bell).value;
    }
  }

  /** Hands the first `count` bytes of what {@link space} returned to the reader. */
  commit(count: number): void {
    this.advance(WRITTEN, count, READER_BELL);
  }

  /** Sets the next mark behind everything committed so far. */
  mark(): void {
    const index = Atomics.load(this.control, MARKS);
    Atomics.store(this.control, MARK + index, Atomics.load(this.control, WRITTEN));
    Atomics.add(this.control, MARKS, 1);
    this.ring(READER_BELL);
  }

  /** Says that no more bytes will come. */
  close(): void {
    Atomics.store(this.control, CLOSED, 1);
    this.ring(READER_BELL);
  }
}

export class RingReader extends RingEnd {
  /**
   * Sleeps until there are bytes and returns them in one piece, at most `limit`; returns an empty
   * buffer at mark number `mark` or, without one, when the writer has closed the ring.
   */
  waitForData(limit: number, mark?: number): Buffer {
    for (;;) {
      const bell = Atomics.load(this.control, READER_BELL);
      if (this.broken) throw new BrokenRing();
      // In this order: bytes behind a mark are committed after it is set, so a fill that includes
      // some was loaded when the mark was already visible.
      const closed = Atomics.load(this.control, CLOSED) !== 0;
      const fill = this.fill;
      const before = this.#untilMark(mark);
      if (fill > 0 || before === 0 || closed) {
        return this.span(Atomics.load(this.control, READ), Math.min(fill, before), limit);
      }
      Atomics.wait(this.control, READER_BELL, bell);
    }
  }

  /** Gives the first `count` bytes of what {@link waitForData} returned back to the writer. */
  release(count: number): void {
    this.advance(READ, count, WRITER_BELL);
  }

  /** Bytes from here to the mark; infinitely many while it is not set. */
  #untilMark(mark: number | undefined): number {
    if (mark === undefined || Atomics.load(this.control, MARKS) <= mark) return Infinity;
    return (Atomics.load(this.control, MARK + mark) - Atomics.load(this.control, READ)) >>> 0;
  }
}

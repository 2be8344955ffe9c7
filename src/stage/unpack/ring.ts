/**
 * A pipe between two threads: one writer, one reader, bytes in shared memory, nothing copied but
 * the bytes themselves. Knows nothing of what they mean.
 *
 * Both sides see contiguous spans of the one buffer: the writer fills `space()` and commits, the
 * reader looks at `waitForData()` and releases. Positions count all bytes ever moved, modulo 2^32,
 * so their difference is the fill.
 *
 * A side sleeps only when the ring is full or empty, but is then woken only for an amount that is
 * worth it: waking a thread costs as much as moving 100 KiB. Before it sleeps it says how much it
 * wants and looks once more; the side that moves bytes looks afterwards at what is wanted. So one
 * of the two sees the other, and no change is lost.
 *
 * The writer may set marks ("here a package ends"), numbered from 0. The reader asks for data up to
 * a mark and gets nothing beyond it, however much is already there.
 */

/** Words of the control block; marks follow. */
const WRITTEN = 0; // position up to which the writer has committed
const READ = 1; // position up to which the reader has released
const WRITER = 2; // the writer's bell, and what it wants: two words
const READER = 4; // the reader's
const BROKEN = 6; // one side gave up: neither may go on
const MARKS = 7; // number of marks set
const MARK = 8; // position of mark 0

/** Relative to WRITER or READER. */
const BELL = 0; // counts up when that side is to look again
const WANTED = 1; // bytes (or space) it sleeps for; 0 while it is awake

/** The share of the ring that is worth a waking. */
const WORTH_WAKING = 1 / 8;

/** What can be posted to another thread to open the same ring there. */
export interface RingMemory {
  control: SharedArrayBuffer;
  bytes: SharedArrayBuffer;
}

/**
 * Thrown by a wait when the other side has given up. The side that broke the ring tells the reason.
 */
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
    this.wake(READER);
    this.wake(WRITER);
  }

  get broken(): boolean {
    return Atomics.load(this.control, BROKEN) !== 0;
  }

  protected get fill(): number {
    return (Atomics.load(this.control, WRITTEN) - Atomics.load(this.control, READ)) >>> 0;
  }

  /** What a side that has nothing sleeps for. */
  protected get worthWaking(): number {
    return this.bytes.length * WORTH_WAKING;
  }

  /**
   * To be called before looking for the last time and sleeping, on the bell of that side.
   * @returns the value of the bell to sleep on
   */
  protected want(side: number, amount: number): number {
    Atomics.store(this.control, side + WANTED, amount);
    return Atomics.load(this.control, side + BELL);
  }

  /** Wakes a side if it sleeps for no more than `amount`. */
  protected wakeFor(side: number, amount: number): void {
    const wanted = Atomics.load(this.control, side + WANTED);
    if (wanted > 0 && amount >= wanted) this.wake(side);
  }

  protected wake(side: number): void {
    Atomics.add(this.control, side + BELL, 1);
    Atomics.notify(this.control, side + BELL);
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
    return this.span(Atomics.load(this.control, WRITTEN), this.#free, limit);
  }

  /** As {@link space}, but sleeps until there is some. Not for the main thread. */
  waitForSpace(limit: number): Buffer {
    for (;;) {
      if (this.broken) throw new BrokenRing();
      if (this.#free > 0) return this.space(limit);
      const bell = this.want(WRITER, this.worthWaking);
      if (this.#free === 0 && !this.broken) Atomics.wait(this.control, WRITER + BELL, bell);
      this.want(WRITER, 0);
    }
  }

  /** Resolves as soon as there is space, or the ring is broken. For the main thread. */
  async untilSpace(): Promise<void> {
    while (!this.broken && this.#free === 0) {
      const bell = this.want(WRITER, this.worthWaking);
      if (this.#free === 0 && !this.broken) {
        await Atomics.waitAsync(this.control, WRITER + BELL, bell).value;
      }
      this.want(WRITER, 0);
    }
  }

  /** Hands the first `count` bytes of what {@link space} returned to the reader. */
  commit(count: number): void {
    Atomics.add(this.control, WRITTEN, count);
    this.wakeFor(READER, this.fill);
  }

  /** Sets the next mark behind everything committed so far. */
  mark(): void {
    const index = Atomics.load(this.control, MARKS);
    Atomics.store(this.control, MARK + index, Atomics.load(this.control, WRITTEN));
    Atomics.add(this.control, MARKS, 1);
    this.wake(READER);
  }

  get #free(): number {
    return this.bytes.length - this.fill;
  }
}

export class RingReader extends RingEnd {
  /**
   * Sleeps until there are bytes and returns them in one piece, at most `limit`; returns an empty
   * buffer at mark number `mark`.
   */
  waitForData(limit: number, mark: number): Buffer {
    for (;;) {
      if (this.broken) throw new BrokenRing();
      const data = this.#data(limit, mark);
      if (data !== undefined) return data;
      const bell = this.want(READER, this.worthWaking);
      if (this.#data(limit, mark) === undefined && !this.broken) {
        Atomics.wait(this.control, READER + BELL, bell);
      }
      this.want(READER, 0);
    }
  }

  /** Gives the first `count` bytes of what {@link waitForData} returned back to the writer. */
  release(count: number): void {
    Atomics.add(this.control, READ, count);
    this.wakeFor(WRITER, this.bytes.length - this.fill);
  }

  /** Undefined when there is nothing yet, but may be. */
  #data(limit: number, mark: number): Buffer | undefined {
    // In this order: bytes behind a mark are committed after it is set, so a fill that includes
    // some was loaded when the mark was already visible.
    const fill = this.fill;
    const before = this.#untilMark(mark);
    if (fill === 0 && before > 0) return undefined;
    return this.span(Atomics.load(this.control, READ), Math.min(fill, before), limit);
  }

  /** Bytes from here to the mark; infinitely many while it is not set. */
  #untilMark(mark: number): number {
    if (Atomics.load(this.control, MARKS) <= mark) return Infinity;
    return (Atomics.load(this.control, MARK + mark) - Atomics.load(this.control, READ)) >>> 0;
  }
}

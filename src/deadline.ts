/**
 * The only owner of timers.
 *
 * A timeout is a duration a user chose; a deadline is the moment it ends. Waits take a Deadline,
 * never a duration, so that a sequence of waits shares one budget. Knows nothing of what is
 * awaited.
 */
import { PythonMpiError } from './errors.ts';

/** Milliseconds on the monotonic clock all deadlines are measured on. */
export function now(): number {
  return performance.now();
}

export class Deadline {
  /** The moment, in milliseconds of {@link now}. */
  readonly at: number;

  constructor(at: number) {
    this.at = at;
  }

  /** A deadline `ms` milliseconds from now. */
  static after(ms: number): Deadline {
    return new Deadline(now() + ms);
  }

  /** Milliseconds left, never negative. */
  get remaining(): number {
    return Math.max(0, this.at - now());
  }

  get expired(): boolean {
    return this.remaining === 0;
  }

  /**
   * Waits for `promise`, at most until the deadline.
   * @param what what is awaited, as the rest of the sentence "timed out waiting for ..."
   * @throws PythonMpiError TIMEOUT when the deadline comes first; whatever the promise rejects with
   */
  async wait<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new PythonMpiError('TIMEOUT', `timed out waiting for ${what}`)),
        this.remaining,
      );
    });
    try {
      return await Promise.race([promise, expiry]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Resolves after `ms` milliseconds. For back-off between tries, never for luck. */
export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/**
 * Pauses between tries, each twice as long as the one before: quick for what is about to happen,
 * cheap for what is not.
 */
export class Backoff {
  readonly #most: number;
  #next: number;

  /**
   * @param most the longest pause, in milliseconds
   * @param first the first one
   */
  constructor(most: number, first = 2) {
    this.#most = most;
    this.#next = first;
  }

  async pause(): Promise<void> {
    const now = Math.min(this.#next, this.#most);
    this.#next = now * 2;
    await pause(now);
  }
}

/** A restartable one-shot alarm, for state machines that say when they next want to be woken. */
export class Alarm {
  readonly #ring: () => void;
  #at = Number.POSITIVE_INFINITY;
  /** The timer may be early: putting an alarm off is frequent, and costs nothing this way. */
  #timer: { at: number; handle: NodeJS.Timeout } | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at `at` (milliseconds of {@link now}) instead of at any moment set before. */
  set(at: number): void {
    this.#at = at;
    if (this.#timer === undefined || this.#timer.at > at) this.#wait();
  }

  clear(): void {
    clearTimeout(this.#timer?.handle);
    this.#timer = undefined;
  }

  #wait(): void {
    this.clear();
    const at = this.#at;
    this.#timer = { at, handle: setTimeout(() => this.#wake(), Math.max(0, at - now())) };
  }

  #wake(): void {
    this.#timer = undefined;
    if (now() < this.#at) this.#wait();
    else this.#ring();
  }
}

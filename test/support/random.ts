/**
 * Numbers and bytes that look random and are the same in every run: what failed once fails again.
 */

/** xorshift32 (Marsaglia, 2003). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % bound;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** One of these. */
  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** Text of up to `most` pieces of these. */
  text(pieces: readonly string[], most: number): string {
    return Array.from({ length: this.below(most + 1) }, () => this.of(pieces)).join('');
  }

  /** Bytes that are nearly these: some changed, cut out, doubled or put in. */
  near(bytes: Uint8Array): Buffer {
    let result = Buffer.from(bytes);
    for (let changes = 1 + this.below(4); changes > 0; changes--) {
      const at = this.below(result.length + 1);
      const end = at + this.below(Math.min(20, result.length + 1 - at));
      const [head, middle, tail] = [
        result.subarray(0, at),
        result.subarray(at, end),
        result.subarray(end),
      ];
      const instead = this.of([
        () => this.bytes(middle.length),
        () => Buffer.alloc(0),
        () => Buffer.concat([middle, middle]),
        () => Buffer.concat([middle, this.bytes(this.below(8))]),
        () => Buffer.alloc(middle.length, this.of([0x00, 0x7f, 0x80, 0xff])),
      ])();
      result = Buffer.concat([head, instead, tail]);
    }
    return result;
  }

  /** Anything that JSON can say. */
  json(depth = 3): unknown {
    return this.of<() => unknown>([
      () => null,
      () => true,
      () => this.of([0, -1, 1.5, 1e308, 2 ** 53, this.below(1000)]),
      () => this.of(['', '0', 'x', '/', '\n', '\0', '__proto__', 'a'.repeat(500)]),
      () => (depth === 0 ? [] : Array.from({ length: this.below(4) }, () => this.json(depth - 1))),
      () => (depth === 0 ? {} : { [this.of(['a', '', '__proto__'])]: this.json(depth - 1) }),
    ])();
  }
}

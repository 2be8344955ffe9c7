/**
 * Work that strangers can ask for, such as a process to read a credential: a little at a time, and
 * the addresses that ask take turns, so that one of them cannot keep the others waiting.
 */

export class FairQueue {
  readonly #most: number;
  readonly #mostWaiting: number;
  /** What waits, by address; the address whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #running = 0;

  /**
   * @param most pieces of work at a time
   * @param mostWaiting most that may wait for one address
   */
  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /**
   * Does a piece of work when it is this address's turn.
   * @throws Error when too much waits for this address already; whatever the work throws
   */
  async run<T>(address: string, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) await this.#turn(address);
    else this.#running++;
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  #turn(address: string): Promise<void> {
    const queue = this.#waiting.get(address) ?? [];
    if (queue.length >= this.#mostWaiting) throw new Error(`${address} asks too much`);
    this.#waiting.set(address, queue);
    return new Promise(resolve => queue.push(resolve));
  }

  /** A piece of work has ended: the next one has its place. */
  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#running--;
      return;
    }
    const [address, queue] = first;
    const wake = queue.shift()!;
    this.#waiting.delete(address);
    if (queue.length > 0) this.#waiting.set(address, queue);
    wake();
  }
}

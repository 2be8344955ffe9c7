/**
 * Where the stream meets the unpacker: what the driver delivers goes in, in order, however little room there is.
 */
import { totalOf } from '../package.ts';
import { type Unpacked, Unpacker, type UnpackerOptions } from './unpacker.ts';

export class Intake {
  readonly #unpacker: Unpacker;
  readonly #progress: (done: number, total: number) => void;
  /** Bytes that will come. */
  readonly total: number;
  #delivered = 0;
  /** Segments that wait for room, and the promise that the last of them has found it. */
  #backlog = 0;
  #delivery: Promise<void> = Promise.resolve();

  /** @param progress hears how far the stream has come, in bytes */
  constructor(options: UnpackerOptions, progress: (done: number, total: number) => void) {
    this.total = totalOf(options.packages, 'size');
    this.#progress = progress;
    this.#unpacker = new Unpacker(options);
  }

  /** As Unpacker.finished: resolves when all is unpacked, rejects with the first error. */
  get finished(): Promise<Unpacked> {
    return this.#unpacker.finished;
  }

  /** As Stager.deliver. */
  deliver(bytes: Uint8Array): Promise<void> | undefined {
    this.#delivered += bytes.length;
    this.#progress(this.#delivered, this.total);
    // The next segments come while the rest of one still waits for room: they wait behind it.
    const taken = this.#backlog === 0 ? this.#unpacker.write(bytes) : 0;
    if (taken < bytes.length) return this.#deliverLater(bytes.subarray(taken));
    if (this.#delivered === this.total) this.#unpacker.end();
    return undefined;
  }

  /** Stops unpacking; `finished` rejects with CANCELLED unless it was settled. */
  abort(): void {
    this.#unpacker.abort();
  }

  #deliverLater(bytes: Uint8Array): Promise<void> {
    const last = this.#delivered === this.total;
    this.#backlog++;
    this.#delivery = this.#delivery.then(async () => {
      for (let at = 0; at < bytes.length; ) {
        await this.#unpacker.untilRoom();
        at += this.#unpacker.write(bytes.subarray(at));
      }
      this.#backlog--;
      if (last) this.#unpacker.end();
    });
    return this.#delivery;
  }
}

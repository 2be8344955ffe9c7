/**
 * The output of several processes, passed on to one descriptor of this process in whole lines.
 * Knows nothing of the processes.
 *
 * It is written by libuv's threads: a reader that takes its time must not keep this process from
 * answering ranks and relaying signals. Not by Node's streams: see output.ts.
 */
import { write } from 'node:fs';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { Backoff } from '../deadline.ts';
import { isFull, type StandardDescriptor } from '../output.ts';

/** A line longer than this is passed on in pieces rather than kept, in bytes. */
const LONGEST_LINE = 1 << 20;
/** Longest pause before a full pipe is tried again, in milliseconds. */
const RETRY_MS = 20;

const writeDescriptor = promisify(write);

export class LineMerger {
  readonly #descriptor: StandardDescriptor;
  readonly #passing: Promise<Buffer>[] = [];
  /** The write before the next one. */
  #last: Promise<boolean> = Promise.resolve(true);

  constructor(descriptor: StandardDescriptor) {
    this.#descriptor = descriptor;
  }

  /**
   * Passes lines on as they are complete. When the reader of all has gone, this source loses its
   * reader, too.
   */
  add(source: Readable): void {
    this.#passing.push(this.#pass(source));
  }

  /**
   * Resolves when all sources have ended and all is written, also what came after the last line
   * break of each.
   */
  async finish(): Promise<void> {
    for (const tail of this.#passing) await this.#write(await tail);
  }

  /** @returns what came after the last line break */
  async #pass(source: Readable): Promise<Buffer> {
    let rest: Buffer[] = [];
    let kept = 0;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      const end = kept + chunk.length > LONGEST_LINE ? chunk.length : chunk.lastIndexOf(0x0a) + 1;
      if (end > 0) {
        const written = await this.#write(Buffer.concat([...rest, chunk.subarray(0, end)]));
        if (!written) return Buffer.alloc(0);
        rest = [];
        kept = 0;
      }
      rest.push(chunk.subarray(end));
      kept += chunk.length - end;
    }
    return Buffer.concat(rest);
  }

  /** Writes after all that was to be written before. @returns whether there is a reader */
  #write(bytes: Buffer): Promise<boolean> {
    this.#last = this.#last.then(readable => readable && this.#writeNow(bytes));
    return this.#last;
  }

  async #writeNow(bytes: Buffer): Promise<boolean> {
    const backoff = new Backoff(RETRY_MS);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += (await writeDescriptor(this.#descriptor, bytes, at)).bytesWritten;
      } catch (error) {
        if (!isFull(error)) return false;
        await backoff.pause();
      }
    }
    return true;
  }
}

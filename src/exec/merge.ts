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
import { Alarm, Backoff, now, pause } from '../deadline.ts';
import { isFull, type StandardDescriptor } from '../output.ts';

/** A line longer than this is passed on in pieces rather than kept, in bytes. */
const LONGEST_LINE = 1 << 20;
/** Longest pause before a full pipe is tried again, in milliseconds. */
const RETRY_MS = 20;
/** A process that writes nothing for so long has paused, in milliseconds. */
const PAUSE_MS = 200;
/** How long lines wait for the rest of another process's line, in milliseconds. */
const HOLD_MS = 2000;
const [LINE_FEED, CARRIAGE_RETURN] = [0x0a, 0x0d];

const writeDescriptor = promisify(write);

/** A line of which the end is still to come, while its beginning is out. */
interface OpenLine {
  source: Readable;
  /** It overwrites itself, as progress bars do: there will always be more of it. */
  overwrites: boolean;
  ended: PromiseWithResolvers<void>;
}

export class LineMerger {
  readonly #descriptor: StandardDescriptor;
  readonly #passing: Promise<void>[] = [];
  #open: OpenLine | undefined;
  /** The last line that is out has no end, and its process is not going to write one. */
  #dangling = false;
  #failure: string | undefined;
  /** The write before the next one. */
  #last: Promise<boolean> = Promise.resolve(true);

  constructor(descriptor: StandardDescriptor) {
    this.#descriptor = descriptor;
  }

  /** Why nothing can be written any more, but for a reader that has gone: an errno. */
  get failure(): string | undefined {
    return this.#failure === 'EPIPE' ? undefined : this.#failure;
  }

  /** Passes lines on. When the reader of all has gone, this source loses its reader, too. */
  add(source: Readable): void {
    this.#passing.push(this.#pass(source));
  }

  /** Resolves when all sources have ended and all is written. */
  async finish(): Promise<void> {
    await Promise.all(this.#passing);
    await this.#last;
  }

  async #pass(source: Readable): Promise<void> {
    let rest: Buffer[] = [];
    const paused = new Alarm(() => {
      if (this.#open !== undefined && this.#open.source !== source) {
        paused.set(now() + PAUSE_MS);
        return;
      }
      const begun = Buffer.concat(rest);
      rest = [];
      void this.#write(source, begun);
    });
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        paused.clear();
        const kept = rest.reduce((sum, { length }) => sum + length, 0);
        const isLong = kept + chunk.length > LONGEST_LINE;
        const end = isLong ? chunk.length : chunk.lastIndexOf(LINE_FEED) + 1;
        if (end > 0) {
          const lines = Buffer.concat([...rest, chunk.subarray(0, end)]);
          rest = [];
          await this.#turn(source);
          if (!(await this.#write(source, lines))) return;
        }
        if (end < chunk.length) rest.push(chunk.subarray(end));
        if (rest.length > 0) paused.set(now() + PAUSE_MS);
      }
    } finally {
      paused.clear();
    }
    if (rest.length > 0) {
      await this.#turn(source);
      await this.#write(source, Buffer.concat(rest));
    }
    if (this.#open?.source === source) {
      this.#close();
      this.#dangling = true;
    }
  }

  /** Waits while another source is in the middle of a line. */
  async #turn(source: Readable): Promise<void> {
    const end = now() + HOLD_MS;
    for (let open = this.#open; open !== undefined && open.source !== source; open = this.#open) {
      if (open.overwrites || now() >= end) return;
      await Promise.race([open.ended.promise, pause(end - now())]);
    }
  }

  #close(): void {
    this.#open?.ended.resolve();
    this.#open = undefined;
  }

  /** Writes after all that was to be written before. @returns whether there is a reader */
  #write(source: Readable, bytes: Buffer): Promise<boolean> {
    const isAnothers = this.#open !== undefined && this.#open.source !== source;
    const begin = isAnothers || this.#dangling ? '\n' : '';
    this.#dangling = false;
    const ended = bytes.at(-1) === LINE_FEED;
    if (isAnothers || ended) this.#close();
    if (!ended) {
      const overwrites = bytes.includes(CARRIAGE_RETURN) || this.#open?.overwrites === true;
      const { ended } = this.#open ?? { ended: Promise.withResolvers<void>() };
      this.#open = { source, overwrites, ended };
    }
    this.#last = this.#last.then(
      readable => readable && this.#writeNow(Buffer.concat([Buffer.from(begin), bytes])),
    );
    return this.#last;
  }

  async #writeNow(bytes: Buffer): Promise<boolean> {
    const backoff = new Backoff(RETRY_MS);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += (await writeDescriptor(this.#descriptor, bytes, at)).bytesWritten;
      } catch (error) {
        if (!isFull(error)) {
          this.#failure = (error as NodeJS.ErrnoException).code;
          return false;
        }
        await backoff.pause();
      }
    }
    return true;
  }
}

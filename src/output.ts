/**
 * What the programs themselves say on standard output and standard error: the only writer of both.
 * A leaf.
 *
 * A launcher may give all ranks of a node the same pipe, and a flag of a pipe is set for all
 * processes that hold it. Node's own streams make a pipe non-blocking as soon as they are looked
 * at, and then the Pythons of all ranks lose what does not fit. So those streams are never touched:
 * bytes go out by write(2), and are out when the call returns.
 */
import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';

export const STDOUT = 1;
export const STDERR = 2;
export type StandardDescriptor = typeof STDOUT | typeof STDERR;

/** How long a pipe that another process has made non-blocking may stay full, in milliseconds. */
const FULL_MS = 10_000;
/** Pause before a full pipe is tried again, in milliseconds. */
const RETRY_MS = 5;

/**
 * Writes a text, whole unless its reader has gone or does not read for ten seconds: there is
 * nothing left to tell then.
 * @returns whether all was written
 */
export function say(descriptor: StandardDescriptor, text: string | Buffer): boolean {
  let rest = Buffer.from(text);
  let last = performance.now();
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
      last = performance.now();
    } catch (error) {
      if (!isFull(error) || performance.now() - last > FULL_MS) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
  return true;
}

/**
 * Puts streams that write like {@link say} into the place of Node's own. To be called before
 * anything else: Node itself looks at process.stderr whenever a socket is destroyed, and at both
 * when a thread is started.
 */
export function replaceStreams(): void {
  for (const [name, descriptor] of [
    ['stdout', STDOUT],
    ['stderr', STDERR],
  ] as const) {
    let stream: Writable | undefined;
    const get = () => {
      stream ??= new Writable({
        write(bytes: Buffer, _, written) {
          say(descriptor, bytes);
          written();
        },
      });
      return stream;
    };
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get });
  }
}

/** Whether a write has failed only because a non-blocking pipe was full. */
export function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}

/**
 * What the threads of unpacking have in common: how work begins, ends, and fails in a worker, and
 * how the main thread hears of it.
 *
 * A thread that fails breaks its rings, so that no other thread waits for it. A thread that meets a
 * broken ring ends without an error: the first thread to fail is the one that knows the cause.
 */
import { readFileSync } from 'node:fs';
import { type MessagePort, Worker } from 'node:worker_threads';
import { asPythonMpiError, type ErrorCode, PythonMpiError } from '../../errors.ts';
import { blamed, type PackageSpec } from '../package.ts';
import { workerProgram } from '../worker-program.ts';
import { BrokenRing, type RingReader, type RingWriter } from './ring.ts';

/** Errors are posted by their parts: a structured clone would make plain Errors of them. */
type Message<Result> =
  | { result: Result }
  | { code: ErrorCode; message: string; hint: string | undefined };

/** The package being worked on, to be named in errors that are its fault. */
export interface Current {
  package: PackageSpec | undefined;
}

/** Far more than any thread needs, in MiB. */
const HEAP_MB = 2000;

/**
 * In a worker: does the work and reports its result or error.
 * @param rings broken when the work fails
 */
export function runThread<Result>(
  port: MessagePort,
  rings: readonly (RingReader | RingWriter)[],
  work: (current: Current) => Result,
): void {
  const current: Current = { package: undefined };
  try {
    port.postMessage({ result: work(current) } satisfies Message<Result>);
  } catch (thrown) {
    if (!(thrown instanceof BrokenRing)) {
      const { code, message, hint } = blamed(thrown, current.package);
      port.postMessage({ code, message, hint } satisfies Message<Result>);
    }
    for (const ring of rings) ring.break();
  }
}

/**
 * In the main thread: starts a worker and follows it to its end.
 * @param name of the entry file, which the build bundles to dist/lib/
 * @returns the work's result, or undefined when it ended because of a broken ring; settles only
 *   when the thread is gone and its memory free. Rejects with the PythonMpiError of the work.
 */
export async function startThread<Result>(name: string, task: object): Promise<Result | undefined> {
  const source = readFileSync(workerProgram(name), 'utf8');
  const worker = new Worker(source, {
    name,
    workerData: task,
    // Given the file, Node would look at every directory above it; without the limit, for its own
    // file.
    eval: true,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  let result: Result | undefined;
  let failure: unknown;
  worker.on('message', (said: Message<Result>) => {
    if ('result' in said) result = said.result;
    else failure = new PythonMpiError(said.code, said.message, { hint: said.hint });
  });
  worker.on('error', error => {
    failure = asPythonMpiError(error);
  });
  return new Promise((resolve, reject) => {
    worker.on('exit', () => (failure === undefined ? resolve(result) : reject(failure)));
  });
}

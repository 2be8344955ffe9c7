/**
 * What the threads of unpacking have in common: how work begins, ends, and fails in a worker, and how
 * the main thread hears of it.
 *
 * A thread that fails breaks its rings, so that nobody waits for it. Whoever then meets a broken ring
 * ends without a word: the first to fail is the one with something to say.
 */
import { readFileSync } from 'node:fs';
import { type MessagePort, Worker } from 'node:worker_threads';
import { asPythonMpiError, type ErrorCode, PythonMpiError } from '../../errors.ts';
import type { PackageSpec } from '../package.ts';
import { workerProgram } from '../worker-program.ts';
import { BrokenRing, type RingReader, type RingWriter } from './ring.ts';

/** Errors are posted by their parts: a structured clone would make plain Errors of them. */
type Report<Result> =
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
    port.postMessage({ result: work(current) } satisfies Report<Result>);
  } catch (thrown) {
    if (!(thrown instanceof BrokenRing)) {
      const { code, message, hint } = asPythonMpiError(thrown);
      port.postMessage({
        code,
        message: blame(code, message, current.package),
        hint,
      } satisfies Report<Result>);
    }
    for (const ring of rings) ring.break();
  }
}

/** The message of an error, with the name of the package whose fault it is. */
export function blame(code: ErrorCode, message: string, spec: PackageSpec | undefined): string {
  const ofThePackage = code === 'CORRUPT_PACKAGE' || code === 'UNSAFE_PACKAGE';
  if (!ofThePackage || spec === undefined) return message;
  const is = code === 'CORRUPT_PACKAGE' ? 'corrupt' : 'unsafe';
  const { name, sha256 } = spec;
  // Of several files of that name, it is this one.
  const which = message.includes(sha256) ? '' : ` (SHA-256 ${sha256})`;
  return `package ${name} is ${is}: ${message}${which}`;
}

/**
 * In the main thread: starts a worker and follows it to its end.
 * @param name of the entry file, which the build bundles to dist/lib/
 * @returns the work's result, or undefined when it ended because of a broken ring; settles only when
 *   the thread is gone and its memory free. Rejects with the PythonMpiError of the work.
 */
export async function startThread<Result>(name: string, task: object): Promise<Result | undefined> {
  const source = readFileSync(workerProgram(name), 'utf8');
  const worker = new Worker(source, {
    name,
    workerData: task,
    // Given the file, Node would look at every directory above it; without the limit, for its own file.
    eval: true,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  let result: Result | undefined;
  let failure: unknown;
  worker.on('message', (report: Report<Result>) => {
    if ('result' in report) result = report.result;
    else failure = new PythonMpiError(report.code, report.message, { hint: report.hint });
  });
  worker.on('error', error => {
    failure = asPythonMpiError(error);
  });
  return new Promise((resolve, reject) => {
    worker.on('exit', () => (failure === undefined ? resolve(result) : reject(failure)));
  });
}

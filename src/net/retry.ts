/**
 * Trying again where a peer may only be late: it has been started, and does not listen yet.
 */
import { Backoff, type Deadline } from '../deadline.ts';
import { asPythonMpiError } from '../errors.ts';

/** Longest pause before the next try, in milliseconds. */
const RETRY_MS = 20;

/**
 * Repeats an attempt that fails as UNREACHABLE.
 * @param until no try begins later, but the first one
 * @throws whatever the last attempt throws
 */
export async function retry<T>(attempt: () => Promise<T>, until: Deadline): Promise<T> {
  const backoff = new Backoff(RETRY_MS);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (asPythonMpiError(error).code !== 'UNREACHABLE' || until.expired) throw error;
      await backoff.pause();
    }
  }
}

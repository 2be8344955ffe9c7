/**
 * Reaching somebody who has published several addresses, of which perhaps one leads there.
 *
 * An address that leads nowhere often does not say so for seconds: the interface of a management network, say. So the
 * addresses are tried in their order, but none waits for the one before it for long (RFC 8305 does it for browsers).
 */
import { Alarm, type Deadline, now } from '../deadline.ts';
import { PythonMpiError } from '../errors.ts';
import type { Greeting } from './handshake.ts';
import { dial, type Link, type Target } from './link.ts';

/** How long an address may take to answer before the next one is tried beside it, in milliseconds. */
const HEAD_START_MS = 250;

/**
 * Connects to the first address that answers and proves itself there; nothing is proved at the others.
 * @throws PythonMpiError UNREACHABLE, AUTHENTICATION or TIMEOUT: what became of the last address
 */
export function dialAny(
  targets: readonly Target[],
  secret: Buffer,
  greeting: Greeting,
  deadline: Deadline,
): Promise<Link> {
  const { promise, resolve, reject } = Promise.withResolvers<Link>();
  const attempts = new Set<AbortController>();
  let begun = 0;
  const begin = () => {
    const target = targets[begun++];
    if (target === undefined) return;
    const attempt = new AbortController();
    attempts.add(attempt);
    impatience.set(now() + HEAD_START_MS);
    dial(target, secret, greeting, deadline, attempt.signal).then(
      link => {
        attempts.delete(attempt);
        impatience.clear();
        // Both sides take a proven link for the only one, so the others may not get that far.
        begun = targets.length;
        for (const other of attempts) other.abort();
        resolve(link);
      },
      error => {
        attempts.delete(attempt);
        if (begun < targets.length) begin();
        else if (attempts.size === 0) reject(error);
      },
    );
  };
  const impatience = new Alarm(begin);
  if (targets.length === 0) reject(new PythonMpiError('UNREACHABLE', 'no address was published'));
  else begin();
  return promise;
}

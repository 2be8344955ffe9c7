/**
 * The one way out of all programs, after success, failure and signals alike. Output is out by then:
 * see output.ts.
 *
 * exit(3), and with it process.exit, joins the threads of libuv's pool. One of them may be blocked
 * in a read of the launcher's descriptor for ever, where the launcher has fallen silent: the
 * descriptor is Python's too, so it must stay blocking, and nothing can interrupt the read. Of what
 * remains only execve(2) ends all threads and leaves a status: the process becomes a shell that
 * exits. That costs less than the tear-down of Node does. A signal ends all threads, too.
 */
import { constants } from 'node:os';

/**
 * Ends this process at once.
 * @param end its exit status, or the signal that it is to die of
 */
export function leave(end: number | NodeJS.Signals): never {
  if (typeof end === 'string') killBy(end);
  const status = typeof end === 'number' ? end : 128 + constants.signals[end];
  return process.execve!('/bin/sh', ['sh', '-c', `exit ${status}`], {});
}

/** Returns only where the signal does not end a process. */
function killBy(signal: NodeJS.Signals): void {
  if (signal !== 'SIGKILL') {
    // Node ignores SIGPIPE, and a parent may have had others ignored: a handler that goes away
    // leaves the default.
    process.on(signal, () => {});
    process.removeAllListeners(signal);
  }
  process.kill(process.pid, signal);
}

/**
 * Gives memory back that will not be used again. A parent that only waits for Python never
 * allocates, so its collector would never run, and the buffers of the staging would stay with it
 * for hours.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects all garbage now. Takes some milliseconds; for once, when the work is done. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: { type: 'major'; flavor: string }) => void;
  setFlagsFromString('--no-expose-gc');
  // As if memory had run out: the usual kind keeps room for more garbage.
  collect({ type: 'major', flavor: 'last-resort' });
}

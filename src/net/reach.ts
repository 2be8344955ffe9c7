/**
 * Where a site wants its nodes to be reached: at one network interface, on ports of a range. Knows
 * the wishes, not the sockets.
 */
import { randomInt } from 'node:crypto';

/** Ports from the first to the last, both of them included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface Reach {
  /** Name of the one interface to listen and be reached at. */
  readonly interface?: string | undefined;
  readonly ports?: PortRange | undefined;
}

/** Most ports of a range that are tried: others than ours may have many, but not that many. */
const MOST = 1024;

/** The ports that a listener may have, to be tried in this order; 0 lets the kernel choose. */
export function portsToTry({ ports }: Reach): number[] {
  if (ports === undefined) return [0];
  const count = ports.last - ports.first + 1;
  // Jobs that share a node do not all begin with the same one.
  const start = randomInt(count);
  return Array.from(
    { length: Math.min(count, MOST) },
    (_, i) => ports.first + ((start + i) % count),
  );
}

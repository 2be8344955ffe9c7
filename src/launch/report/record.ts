/**
 * A whole run as the root knows it in the end, and the phases its time is made of.
 */
import type { Received } from '../../net/reports.ts';
import type { PackageSpec } from '../../stage/package.ts';
import type { Moment, NodeRecord } from './timeline.ts';

export interface RunRecord {
  launcher: string;
  /** Shape of the tree, and why it has that one; undefined where there was no session. */
  tree: string | undefined;
  packages: readonly Pick<PackageSpec, 'name' | 'size'>[];
  /** Nodes of the job, whether they reported or not. */
  count: number;
  /** Zero of the root's clock, in milliseconds since 1970. */
  origin: number;
  /** Why Python did not run. */
  failure: string | undefined;
  /** The nodes that reported, by position. */
  nodes: readonly Received<NodeRecord>[];
}

/** The moments of one node on the root's clock, in milliseconds. */
export type Moments = Partial<Record<Moment | 'begun', number>>;

/** `begun` is when the leader's process began. */
export function momentsOf({ record, offsetMs }: Received<NodeRecord>): Moments {
  const shifted = Object.entries(record.moments).map(([name, at]) => [name, at + offsetMs]);
  return { begun: offsetMs, ...Object.fromEntries(shifted) };
}

/** When the first process of the job began, on the root's clock. */
export function beginningOf({ nodes }: RunRecord): number {
  return Math.min(...nodes.map(({ offsetMs }) => offsetMs));
}

/** What a node can be slow at, and how to say so. */
export const DELAYS = {
  start: 'late to start',
  join: 'slow to reach its parent',
  read: 'reading and hashing the packages',
  link: 'receiving',
  unpack: 'unpacking',
  publish: 'publishing',
  python: 'starting Python',
} as const;

export type Delay = keyof typeof DELAYS;

/**
 * The time that a node itself added, by what it was slow at, in milliseconds. What it only waited
 * for is not among it: a node behind a slow one gets everything late and is not to blame. So
 * receiving counts from when the parent had the last segment, and without the time that segments
 * stood waiting for this node's own unpacker.
 * @param parent the node that the stream came from, if it reported
 */
export function delaysOf(
  node: Received<NodeRecord>,
  parent: Received<NodeRecord> | undefined,
  beginning: number,
): Partial<Record<Delay, number>> {
  const { met, joined, planned, last, unpacked, published, verdict, python } = momentsOf(node);
  const above: Moments = parent === undefined ? {} : momentsOf(parent);
  const { waitedMs, readMs } = node.record;
  const between = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : Math.max(0, to - from);
  const plus = (time: number | undefined, more: number) =>
    time === undefined ? undefined : Math.max(0, time + more);
  const isRoot = node.position === 0;
  const all: Record<Delay, number | undefined> = {
    start: between(beginning, met),
    join: between(Math.max(met ?? 0, above.met ?? 0), joined),
    read: isRoot ? plus(between(met, planned), readMs) : undefined,
    link: plus(between(above.last, last), -waitedMs),
    unpack: plus(between(last, unpacked), waitedMs),
    publish: between(unpacked, published),
    python: between(verdict, python),
  };
  return Object.fromEntries(Object.entries(all).filter(([, time]) => time !== undefined));
}

/** The middle one; 0 of none. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

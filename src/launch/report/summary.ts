/**
 * A run on one screen: how long it took, what the phases came to, the three slowest nodes and why,
 * what is missing. Pure.
 */
import type { Statistics } from '../../engine/engine.ts';
import type { Received } from '../../net/reports.ts';
import {
  beginningOf,
  DELAYS,
  type Delay,
  delaysOf,
  type Moments,
  medianOf,
  momentsOf,
  type RunRecord,
} from './record.ts';
import type { NodeRecord } from './timeline.ts';
import { missingOf } from './trace.ts';

/** How many of the slowest nodes are named. */
const SLOWEST = 3;
/** A node whose delays together come to less than this is not called slow, in milliseconds. */
const NOTICEABLE_MS = 1;

/** Phases as every node goes through them, waiting included: what from, what to. */
const PHASES: readonly (readonly [string, keyof Moments, keyof Moments])[] = [
  ['start and meet', 'begun', 'met'],
  ['join the tree', 'met', 'joined'],
  ['first segment after the plan', 'planned', 'first'],
  ['receive', 'first', 'last'],
  ['unpack after the last segment', 'last', 'unpacked'],
  ['publish', 'unpacked', 'published'],
  ['wait for the other nodes', 'published', 'verdict'],
  ['start Python', 'verdict', 'python'],
];

type Node = Received<NodeRecord>;

interface Slow {
  node: Node;
  /** Time it took more than the median node, all delays together, in milliseconds. */
  excess: number;
  /** What most of it is. */
  worst: Delay;
  /** Time it took for that, and what the median node did. */
  took: number;
  median: number;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`;
const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** The lines of the summary. */
export function summaryOf(run: RunRecord): string[] {
  return [
    ...headlines(run),
    '',
    ...phaseTable(run),
    '',
    ...slowestLines(run),
    '',
    ...totals(run),
    ...missingLines(run),
  ];
}

/** The nodes that added most time of their own, the worst first. */
export function slowestOf(run: RunRecord): Slow[] {
  const beginning = beginningOf(run);
  const byPosition = new Map(run.nodes.map(node => [node.position, node]));
  const delays = run.nodes.map(node => {
    const parent =
      node.record.parent === undefined ? undefined : byPosition.get(node.record.parent);
    return delaysOf(node, parent, beginning);
  });
  const medians = new Map(
    (Object.keys(DELAYS) as Delay[]).map(delay => {
      const times = delays.map(of => of[delay]).filter(time => time !== undefined);
      // What only the root does has no median to be held against.
      return [delay, delay === 'read' ? 0 : medianOf(times)];
    }),
  );
  const slow = run.nodes.map((node, index): Slow => {
    const found = (Object.entries(delays[index]!) as [Delay, number][])
      .map(([delay, took]) => ({ delay, took, median: medians.get(delay)! }))
      .toSorted((a, b) => b.took - b.median - (a.took - a.median));
    const excess = found.reduce((sum, { took, median }) => sum + Math.max(0, took - median), 0);
    const worst = found[0] ?? { delay: 'start', took: 0, median: 0 };
    return { node, excess, worst: worst.delay, took: worst.took, median: worst.median };
  });
  return slow
    .filter(({ excess }) => excess >= NOTICEABLE_MS)
    .toSorted((a, b) => b.excess - a.excess)
    .slice(0, SLOWEST);
}

function headlines(run: RunRecord): string[] {
  const { nodes, count, packages, launcher, tree, failure } = run;
  const beginning = beginningOf(run);
  const ranks = nodes.reduce((sum, { record }) => sum + record.ranks, 0);
  const size = packages.reduce((sum, spec) => sum + spec.size, 0);
  const held = nodes.filter(({ record }) => record.held).length;
  const last = Math.max(...nodes.map(node => momentsOf(node).python ?? Number.NEGATIVE_INFINITY));
  const error = Math.max(...nodes.map(({ errorMs }) => errorMs));
  const had = held === 0 ? '' : `, ${counted(held, 'node')} had them`;
  const ended =
    failure === undefined && Number.isFinite(last)
      ? `Python ran on all of them ${seconds(last - beginning)} after the first process began`
      : `Python did not run: ${failure ?? 'it could not be started'}`;
  return [
    `python-mpi, ${new Date(run.origin + beginning).toISOString()}, launched by ${launcher}: ` +
      `${counted(count, 'node')}, ${counted(ranks, 'rank')}; ` +
      `${counted(packages.length, 'package')}, ${megabytes(size)}${had}`,
    ended,
    ...(tree === undefined ? [] : [`tree: ${tree}`]),
    `times are on the root's clock; those of other nodes are off by at most ${error.toFixed(2)} ms`,
  ];
}

function phaseTable({ nodes }: RunRecord): string[] {
  const rows = PHASES.flatMap(([name, from, to]) => {
    const times = nodes.flatMap(node => {
      const { [from]: begun, [to]: over } = momentsOf(node);
      return begun === undefined || over === undefined ? [] : [{ node, took: over - begun }];
    });
    if (times.length === 0) return [];
    const most = times.reduce((a, b) => (b.took > a.took ? b : a));
    const median = medianOf(times.map(({ took }) => took));
    return [[name, seconds(median), seconds(most.took), most.node.record.host] as const];
  });
  return [['phase', 'median', 'longest', 'on'] as const, ...rows].map(
    ([name, median, longest, on]) =>
      `${name.padEnd(30)} ${median.padStart(10)} ${longest.padStart(10)}  ${on}`,
  );
}

function slowestLines(run: RunRecord): string[] {
  const slow = slowestOf(run);
  if (slow.length === 0) return ['no node was slower than the others'];
  const hosts = new Map(run.nodes.map(({ position, record }) => [position, record.host]));
  return [
    'slowest nodes, by the time they added themselves, and what most of it was:',
    ...slow.map(({ node, excess, worst, took, median }) => {
      const { host, parent } = node.record;
      const from = worst === 'link' && parent !== undefined ? ` from ${hosts.get(parent)}` : '';
      const against = worst === 'read' ? '' : `, median ${seconds(median)}`;
      return `  ${host.padEnd(16)} +${seconds(excess)}  ${DELAYS[worst]}${from}: ${seconds(took)}${against}`;
    }),
  ];
}

function totals({ nodes }: RunRecord): string[] {
  const sum = (name: keyof Statistics) =>
    nodes.reduce((total, { record }) => total + (record.statistics?.[name] ?? 0), 0);
  const most = (value: (record: NodeRecord) => number) => {
    const top = nodes.reduce((a, b) => (value(b.record) > value(a.record) ? b : a));
    return `most ${megabytes(value(top.record))} on ${top.record.host}`;
  };
  const line = (what: string, value: (record: NodeRecord) => number) =>
    `${what}: median ${megabytes(medianOf(nodes.map(({ record }) => value(record))))}, ${most(value)}`;
  return [
    line('bytes in', record => record.statistics?.bytesIn ?? 0),
    line('bytes out', record => record.statistics?.bytesOut ?? 0),
    line('peak memory of a leader', record => record.peakBytes),
    `streams resumed from another parent ${sum('resumes')}, segments read again ${sum('reread')}, ` +
      `corrupt ${sum('corrupt')}, children cut off for stalling ${sum('stalled')}`,
  ];
}

function missingLines(run: RunRecord): string[] {
  const missing = missingOf(run);
  if (missing.length === 0) return [];
  const some = missing.slice(0, 8).join(', ') + (missing.length > 8 ? ', ...' : '');
  return [`missing: ${missing.length} of ${run.count} nodes did not report (positions ${some})`];
}

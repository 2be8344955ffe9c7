/**
 * A run as Chrome trace events, which Perfetto and chrome://tracing open: a process per node, its
 * phases as spans on a few tracks, the bytes that had arrived as a counter. Pure. The format:
 * "Trace Event Format", JSON object form.
 */
import type { Received } from '../../net/reports.ts';
import { beginningOf, type Moments, momentsOf, type RunRecord } from './record.ts';
import type { NodeRecord } from './timeline.ts';

/** One event; `ts` and `dur` in microseconds since the first process began, on the root's clock. */
export interface TraceEvent {
  name: string;
  /** M metadata, X a span, i an instant, C a counter. */
  ph: 'M' | 'X' | 'i' | 'C';
  pid: number;
  tid: number;
  ts?: number;
  dur?: number;
  /** Scope of an instant: its process. */
  s?: 'p';
  args?: Record<string, unknown>;
}

export interface Trace {
  displayTimeUnit: 'ms';
  traceEvents: TraceEvent[];
  otherData: Record<string, unknown>;
}

/** Tracks of a node, in the order in which they are shown. */
const TRACKS = ['run', 'stream', 'files'] as const;

/** Spans: name, track, from, to. */
const SPANS: readonly (readonly [string, (typeof TRACKS)[number], keyof Moments, keyof Moments])[] =
  [
    ['start and meet', 'run', 'begun', 'met'],
    ['join', 'run', 'met', 'joined'],
    ['stage', 'run', 'planned', 'published'],
    ['wait for the other nodes', 'run', 'published', 'verdict'],
    ['start Python', 'run', 'verdict', 'python'],
    ['wait for the first segment', 'stream', 'planned', 'first'],
    ['receive', 'stream', 'first', 'last'],
    ['unpack', 'files', 'first', 'unpacked'],
    ['publish', 'files', 'unpacked', 'published'],
  ];

const micros = (ms: number) => Math.round(ms * 1000);

export function traceOf(run: RunRecord): Trace {
  const beginning = beginningOf(run);
  return {
    displayTimeUnit: 'ms',
    traceEvents: run.nodes.flatMap(node => [...namesOf(node), ...eventsOf(node, beginning)]),
    otherData: {
      began: new Date(run.origin + beginning).toISOString(),
      launcher: run.launcher,
      nodes: run.count,
      reported: run.nodes.length,
      missing: missingOf(run).slice(0, 100),
      packages: run.packages.map(({ name, size }) => ({ name, size })),
      clockErrorMs: Math.max(...run.nodes.map(({ errorMs }) => errorMs)),
      ...(run.failure !== undefined && { failure: run.failure }),
    },
  };
}

/** Positions that did not report. */
export function missingOf({ count, nodes }: RunRecord): number[] {
  const there = new Set(nodes.map(({ position }) => position));
  return Array.from({ length: count }, (_, position) => position).filter(p => !there.has(p));
}

function namesOf({ position: pid, record, errorMs }: Received<NodeRecord>): TraceEvent[] {
  const name = (what: string, tid: number, args: Record<string, unknown>): TraceEvent => ({
    name: what,
    ph: 'M',
    pid,
    tid,
    args,
  });
  const labels = `position ${pid}, clock within ${errorMs.toFixed(2)} ms of the root's`;
  return [
    name('process_name', 0, { name: record.host }),
    name('process_sort_index', 0, { sort_index: pid }),
    name('process_labels', 0, { labels }),
    ...TRACKS.flatMap((track, tid) => [
      name('thread_name', tid, { name: track }),
      name('thread_sort_index', tid, { sort_index: tid }),
    ]),
  ];
}

function eventsOf(node: Received<NodeRecord>, beginning: number): TraceEvent[] {
  const { position: pid, record, offsetMs, errorMs } = node;
  const moments = momentsOf(node);
  const spans = SPANS.flatMap(([name, track, from, to]): TraceEvent[] => {
    const [begun, over] = [moments[from], moments[to]];
    if (begun === undefined || over === undefined) return [];
    const ts = micros(begun - beginning);
    const dur = Math.max(0, micros(over - beginning) - ts);
    return [{ name, ph: 'X', pid, tid: TRACKS.indexOf(track), ts, dur }];
  });
  const counters = record.arrivals.map(
    ([at, bytes]): TraceEvent => ({
      name: 'received',
      ph: 'C',
      pid,
      tid: 0,
      ts: micros(at + offsetMs - beginning),
      args: { MB: bytes / 1e6 },
    }),
  );
  const { python, verdict, published, met } = moments;
  const end = micros((python ?? verdict ?? published ?? met ?? beginning) - beginning);
  const summary: TraceEvent = {
    name: python === undefined ? 'ended without Python' : 'Python runs',
    ph: 'i',
    pid,
    tid: 0,
    ts: end,
    s: 'p',
    args: {
      ...record.statistics,
      parent: record.parent,
      ranks: record.ranks,
      held: record.held,
      peakBytes: record.peakBytes,
      waitedForUnpackerMs: record.waitedMs,
      readPackagesMs: record.readMs,
      clockErrorMs: errorMs,
    },
  };
  const memory: TraceEvent = {
    name: 'peak memory of the leader',
    ph: 'C',
    pid,
    tid: 0,
    ts: end,
    args: { MB: record.peakBytes / 1e6 },
  };
  return [...spans, ...counters, memory, summary];
}

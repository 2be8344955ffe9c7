/** What is made of a run's notes, and whole runs on one machine that are reported. */
import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunRecord } from '../../../src/launch/report/record.ts';
import { slowestOf, summaryOf } from '../../../src/launch/report/summary.ts';
import type { NodeRecord } from '../../../src/launch/report/timeline.ts';
import { type Trace, type TraceEvent, traceOf } from '../../../src/launch/report/trace.ts';
import type { Received } from '../../../src/net/reports.ts';
import { modulePackage, run } from '../../support/job.ts';
import { scratch } from '../../support/scratch.ts';

/**
 * A node of a chain whose clock began `position` seconds before the root's. Every hop adds 10 ms.
 */
function node(position: number, change: Partial<NodeRecord> = {}): Received<NodeRecord> {
  const offsetMs = position * -1000;
  const hop = position * 10;
  const at = (time: number) => time + hop - offsetMs;
  const moments = {
    met: 100 - offsetMs,
    ...(position > 0 && { joined: 105 - offsetMs }),
    planned: 110 - offsetMs,
    first: at(120),
    last: at(500),
    unpacked: at(550),
    published: at(560),
    verdict: 1000 - offsetMs,
    python: 1010 - offsetMs,
    ...change.moments,
  };
  const record: NodeRecord = {
    host: `n${position}`,
    ranks: 2,
    parent: position === 0 ? undefined : position - 1,
    held: false,
    arrivals: [
      [at(120), 1000],
      [at(500), 50_000],
    ],
    waitedMs: 0,
    readMs: 2,
    statistics: undefined,
    peakBytes: 100e6,
    ...change,
    moments,
  };
  return { position, record, offsetMs, errorMs: 0.1 * position };
}

function runOf(nodes: readonly Received<NodeRecord>[], change: Partial<RunRecord> = {}): RunRecord {
  return {
    launcher: 'slurm',
    tree: 'binomial (as wanted)',
    packages: [{ name: 'p.tar.gz', size: 50_000 }],
    count: nodes.length,
    origin: Date.UTC(2026, 0, 1),
    failure: undefined,
    nodes,
    ...change,
  };
}

/** The same node with these moments later by so many milliseconds. */
function later(
  { record, ...rest }: Received<NodeRecord>,
  delay: number,
  ...which: (keyof NodeRecord['moments'])[]
): Received<NodeRecord> {
  const late = which.map(moment => [moment, record.moments[moment]! + delay]);
  return {
    ...rest,
    record: { ...record, moments: { ...record.moments, ...Object.fromEntries(late) } },
  };
}

/** What the trace format asks of any event of the kinds that are written. */
function check(trace: Trace): void {
  const named = new Set<number>();
  for (const event of trace.traceEvents) {
    const { ph, pid, tid, ts, dur, name, args } = event;
    const text = JSON.stringify(event);
    assert.ok(['M', 'X', 'i', 'C'].includes(ph), text);
    assert.ok(Number.isInteger(pid) && Number.isInteger(tid) && name !== '', text);
    if (ph === 'M') {
      if (name === 'process_name') named.add(pid);
      assert.ok(args !== undefined && Object.keys(args).length === 1, text);
      continue;
    }
    assert.ok(named.has(pid), `named before its first event: ${text}`);
    assert.ok(Number.isInteger(ts) && ts! >= 0, text);
    assert.is(ph === 'X', Number.isInteger(dur) && dur! >= 0, text);
    if (ph === 'C') assert.ok(Object.values(args!).every(Number.isFinite), text);
    if (ph === 'i') assert.is(event.s, 'p', text);
  }
}

const spansOf = (events: readonly TraceEvent[], pid: number, name: string) =>
  events.filter(event => event.pid === pid && event.name === name);

const made = suite('launch/report');

made('the trace is valid, and all nodes are on one clock', () => {
  const trace = traceOf(runOf([0, 1, 2, 3].map(position => node(position))));
  check(trace);
  // n3's clock began first, three seconds before the root's.
  const [receive] = spansOf(trace.traceEvents, 2, 'receive');
  assert.equal([receive!.ts, receive!.dur], [(3000 + 140) * 1000, 380_000]);
  const names = trace.traceEvents.filter(({ name }) => name === 'process_name');
  assert.equal(
    names.map(({ args }) => args!.name),
    ['n0', 'n1', 'n2', 'n3'],
  );
  assert.is(trace.otherData.clockErrorMs, 0.1 * 3);
});

made('a node with a slow link is named, and those behind it are not to blame', () => {
  const all = ['first', 'last', 'unpacked', 'published'] as const;
  const nodes = [0, 1, 2, 3, 4].map(position =>
    position < 2 ? node(position) : later(node(position), 300, ...all),
  );
  const [first, second] = slowestOf(runOf(nodes));
  assert.equal([first!.node.record.host, first!.worst, first!.took], ['n2', 'link', 310]);
  assert.ok(second === undefined || second.excess < 100);
  assert.match(summaryOf(runOf(nodes)).join('\n'), /n2 +\+0\.300 s +receiving from n1: 0\.310 s/);
});

made('a node that unpacks slowly is not taken for one with a slow link', () => {
  const slow = later(node(2, { waitedMs: 200 }), 200, 'last', 'unpacked', 'published');
  const nodes = [node(0), node(1), later(slow, 100, 'unpacked', 'published'), node(3)];
  const [first] = slowestOf(runOf(nodes));
  assert.equal([first!.node.record.host, first!.worst], ['n2', 'unpack']);
  assert.is(Math.round(first!.excess), 300);
});

made('a node that starts late is named for that', () => {
  const all = ['met', 'joined', 'planned'] as const;
  const began = { ...later(node(1), 400, ...all) };
  const [first] = slowestOf(runOf([node(0), began, node(2), node(3)]));
  assert.equal([first!.node.record.host, first!.worst], ['n1', 'start']);
});

made('nodes that differ in nothing are not called slow', () => {
  const same = [1, 2, 3, 4].map(position => ({ ...node(1), position }));
  const quiet = node(0, { readMs: 0, moments: { planned: 100 } });
  assert.equal(slowestOf(runOf([quiet, ...same])), []);
});

made('nodes that did not report are named, and why Python did not run', () => {
  const partial = runOf([node(0), node(2)], {
    count: 4,
    failure: 'lost node n1 [PEER_LOST]',
  });
  const text = summaryOf(partial).join('\n');
  assert.match(text, 'missing: 2 of 4 nodes did not report (positions 1, 3)');
  assert.match(text, 'Python did not run: lost node n1 [PEER_LOST]');
  check(traceOf(partial));
  assert.equal(traceOf(partial).otherData.missing, [1, 3]);
});

made('a node that failed early, and one that held everything, are no trouble', () => {
  const { met } = node(1).record.moments;
  const early = node(1);
  const nodes = [
    node(0),
    { ...early, record: { ...early.record, parent: undefined, arrivals: [], moments: { met } } },
    node(2, { held: true, arrivals: [] }),
  ] as Received<NodeRecord>[];
  check(traceOf(runOf(nodes)));
  assert.ok(summaryOf(runOf(nodes)).every(line => !/NaN|undefined|Infinity/.test(line)));
});

made('the summary of thousands of nodes fits on a screen', () => {
  const nodes = Array.from({ length: 5000 }, (_, position) => node(position));
  const lines = summaryOf(runOf(nodes, { count: 5200 }));
  assert.ok(lines.length <= 24, `${lines.length} lines`);
  const longest = Math.max(...lines.map(line => line.length));
  assert.ok(longest <= 132, `${longest} characters`);
});

made('what reports are made with is loaded only for them', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const loads = /^import (?!type)[^;]*(report\/|reports\.ts)/m;
  const wrong = globSync('src/**/*.ts', { cwd: root, exclude: ['src/launch/report/**'] }).filter(
    file => loads.test(readFileSync(join(root, file), 'utf8')),
  );
  assert.equal(wrong, []);
});

made.run();

const hello = await modulePackage('hello', 'WORD = "first"\n');
const whole = suite('launch: reported runs');

whole('a run of the embedded launcher leaves a trace and a summary', async () => {
  const file = join(scratch(), 'report.json');
  const args = ['-n', '3', '--report', file, '--packages', hello, '-c', 'import hello'];
  const { status, err } = await run(args);
  assert.is(status, 0, err);
  assert.is(err, '');
  const trace = JSON.parse(readFileSync(file, 'utf8')) as Trace;
  check(trace);
  assert.is(spansOf(trace.traceEvents, 0, 'receive').length, 1);
  assert.is(spansOf(trace.traceEvents, 0, 'Python runs').length, 1);
  assert.match(readFileSync(`${file}.txt`, 'utf8'), /1 node, 3 ranks; 1 package, .*\nPython ran/);
});

whole('a second run says that the node held everything', async () => {
  const chroot = scratch();
  const file = join(scratch(), 'report.json');
  await run(['--keep', '--packages', hello, '-c', ''], { chroot });
  const env = { PYTHON_MPI_REPORT: file };
  const { status } = await run(['--packages', hello, '-c', ''], { chroot, env });
  assert.is(status, 0);
  assert.match(readFileSync(`${file}.txt`, 'utf8'), '1 node had them');
});

whole('a run that fails is reported too', async () => {
  const file = join(scratch(), 'report.json');
  const { status } = await run(['--report', file, '--packages', '/nowhere.tar', '-c', '']);
  assert.is(status, 66);
  assert.match(readFileSync(`${file}.txt`, 'utf8'), 'Python did not run: there is no package');
});

whole('a report that cannot be written is one line, and not the job’s business', async () => {
  const directory = join(scratch(), 'file');
  mkdirSync(directory);
  for (const file of [directory, '/nowhere/report.json']) {
    const args = ['--report', file, '--packages', hello, '-c', 'raise SystemExit(3)'];
    const { status, told } = await run(args);
    assert.is(status, 3);
    assert.is(told.length, 1, told.join('\n'));
    assert.match(told[0]!, `cannot write the report ${file}`);
  }
  assert.not(existsSync(`${directory}.${process.pid}`));
});

whole.run();

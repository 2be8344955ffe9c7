/**
 * The report of a run on four nodes: the one with a slow cable is named, and one that was lost is
 * said to be missing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Trace } from '../../src/launch/report/trace.ts';
import { pack } from '../support/job.ts';
import { leaderAtWork } from './at-work.ts';
import { type Cluster, PROJECT, whyNoCluster, withCluster } from './cluster.ts';

const report = suite('report');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? report : report.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const VICTIM = 'n2';
/** Bytes that the slow cable takes more than a second for. */
const SLOW = '40mbit';
const SIZE = 6_000_000;

async function onFourNodes(body: (cluster: Cluster, job: readonly string[]) => Promise<void>) {
  const packages = await pack({ 'data/big': Buffer.alloc(SIZE, 'x') }, 'big.tar');
  await withCluster(
    4,
    async cluster => {
      writeFileSync(`${cluster.shared}/big.tar`, readFileSync(packages));
      const job = [`${PROJECT}/bin/python-mpi`, '--report', `${cluster.shared}/report.json`];
      await body(cluster, [...job, '--packages', `${cluster.shared}/big.tar`]);
    },
    { slurm: true },
  );
}

const summaryOf = ({ shared }: Cluster) => readFileSync(`${shared}/report.json.txt`, 'utf8');
const traceOf = ({ shared }: Cluster) =>
  JSON.parse(readFileSync(`${shared}/report.json`, 'utf8')) as Trace;

test('the node with the slow cable is the slowest, and why is said', () =>
  onFourNodes(async (cluster, job) => {
    await cluster.shape(VICTIM, SLOW);
    const program = [...job, '-c', 'pass'];
    const { status, stderr } = await cluster.run('hydra', ['-n', '8', '-ppn', '2', ...program]);
    assert.is(status, 0, stderr);
    const summary = summaryOf(cluster);
    assert.match(summary, /4 nodes, 8 ranks/);
    assert.match(summary, /slowest nodes.*\n +n2 +\+\d\.\d+ s +receiving from n1: /);
    const { traceEvents } = traceOf(cluster);
    const named = traceEvents.filter(({ name }) => name === 'process_name');
    assert.equal(
      named.map(({ args }) => args!.name),
      cluster.nodes,
    );
    const python = traceEvents.filter(({ name }) => name === 'Python runs');
    assert.is(python.length, 4);
    assert.ok(python.every(({ args }) => Number.isFinite(args!.clockErrorMs)));

    // And one that is lost on the way, with that cable, is missing from the report.
    const tolerant = [...job, '--tolerate-lost-nodes', '-c', 'pass'];
    const running = cluster.run('srun', ['--mpi=none', '-N4', '-n4', ...tolerant]);
    await cluster.on(VICTIM, ['kill', '-KILL', await leaderAtWork(cluster, VICTIM)]);
    await running;
    assert.match(summaryOf(cluster), 'missing: 1 of 4 nodes did not report (positions 2)');
    assert.match(summaryOf(cluster), 'streams resumed from another parent');
    const reported = traceOf(cluster).traceEvents.filter(({ name }) => name === 'Python runs');
    assert.is(reported.length, 3);
  }));

report.run();

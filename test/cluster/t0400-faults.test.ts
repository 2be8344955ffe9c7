/**
 * What becomes of a job when nodes are lost: a leader is killed or stops, a plug is pulled, a cable
 * is cut; before, during and after the broadcast, at positions with others behind them. Under srun
 * without PMI, so that no launcher's own clean-up stands between the fault and our answer.
 *
 * Most of the time is waiting for what is silent, so all jobs run at once, each on nodes of its own
 * of one bed.
 */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pause } from '../../src/deadline.ts';
import { type Cluster, whyNoCluster, withCluster } from './cluster.ts';
import { type Case, HELD, nodesOf, runCases, SLOW } from './slurm-job.ts';

const faults = suite('faults');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? faults : faults.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const TOLERATE = ['--tolerate-lost-nodes'];

const lost = (node: string) => new RegExp(`^python-mpi: lost node ${node} \\[PEER_LOST\\]$`);
const killLeader = (cluster: Cluster, node: string) =>
  cluster.signal(node, 'SIGKILL', 'python-mpi\\.cjs');

/** Something befalls the third of four nodes while it receives. */
function midway(
  strike: (cluster: Cluster, victim: string) => Promise<unknown>,
  options: readonly string[],
): Case {
  return [
    4,
    async (job, cluster) => {
      const victim = job.nodes[2]!;
      const others = job.nodes.filter(node => node !== victim);
      await job.start(options);
      await job.until(victim, 'draft-*/big');
      await strike(cluster, victim);
      await job.struck();
      if (options === TOLERATE) await job.works(others);
      else await job.fails(lost(victim), others);
    },
  ];
}

/**
 * What happens to whom on how many nodes. The victim is never the last: there are always some
 * behind it.
 */
const CASES: Record<string, Case> = {
  'a leader that is killed ends the job with the name of its node': midway(killLeader, []),
  'a leader that is killed, tolerated': midway(killLeader, TOLERATE),
  'a plug that is pulled in the middle': midway((cluster, victim) => cluster.kill(victim), []),
  'a leader that stops delays those behind it for a while; when it goes on, it ends': [
    4,
    async (job, cluster) => {
      const [n0, n1, victim, n3] = job.nodes as [string, string, string, string];
      await job.start(TOLERATE);
      await job.until(victim, 'draft-*/big');
      await cluster.signal(victim, 'SIGSTOP', 'python-mpi\\.cjs');
      await job.struck();
      for (const node of [n0, n1, n3]) await job.until(node, 'prefix-*');
      await job.says('begins', [n0, n1, n3]);
      await cluster.signal(victim, 'SIGCONT', 'python-mpi\\.cjs');
      await job.works([n0, n1, n3]);
    },
  ],
  'a node that is slow, but moves, delays those behind it for a while': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      await job.start([]);
      await job.until(victim, 'draft-*/big');
      await cluster.shape(victim, SLOW);
      await job.struck();
      for (const node of [n0, n2, n3]) await job.until(node, 'prefix-*');
      assert.is(await job.has(victim, 'prefix-*'), false);
      await cluster.shape(victim, 'off');
      await job.works(job.nodes);
    },
  ],
  'a plug that is pulled before the rank has begun': [
    4,
    async (job, cluster) => {
      const [n0, n1, victim, n3] = job.nodes as [string, string, string, string];
      await job.start(['--timeout', '40'], HELD);
      job.release([n0, n1, n3]);
      await job.until(n0, 'draft-*');
      await cluster.kill(victim);
      await job.struck();
      await job.fails(lost(victim), [n0, n1, n3]);
    },
  ],
  'a plug that is pulled before the rank has begun, tolerated': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      await job.start(['--timeout', '60', ...TOLERATE], HELD);
      job.release([n0, n2, n3]);
      await job.until(n0, 'draft-*');
      await cluster.kill(victim);
      await job.struck();
      await job.works([n0, n2, n3]);
    },
  ],
  'a cable that is cut in the middle, tolerated; whoever is alone ends by himself': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      await job.start(TOLERATE);
      await job.until(victim, 'draft-*/big');
      await cluster.link(victim, 'down');
      await job.struck();
      await job.says('here', [n0, n2, n3]);
      const ours = async () => (await cluster.signal(victim, 'SIGCONT', 'python-mpi\\.cjs')).length;
      while ((await ours()) > 0) await pause(200);
      await job.works([n0, n2, n3]);
    },
  ],
  'a plug that is pulled when the stream has passed, but not arrived everywhere': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      await cluster.shape(n3, SLOW);
      await job.start(TOLERATE);
      await job.struck();
      await job.until(victim, 'prefix-*');
      await cluster.kill(victim);
      await cluster.shape(n3, 'off');
      await job.works([n0, n2, n3]);
    },
  ],
  'a plug that is pulled while Python runs is no business of the others': [
    4,
    async (job, cluster) => {
      const [n0, victim, n2, n3] = job.nodes as [string, string, string, string];
      const go = `${cluster.shared}/go`;
      await job.start([], undefined, { WAIT_FOR: go }, '100mbit');
      await job.says('begins', job.nodes);
      await cluster.kill(victim);
      await job.struck();
      writeFileSync(go, '');
      await job.works([n0, n2, n3]);
    },
  ],
  'in a long chain the orphans of three nodes find others': [
    20,
    async (job, cluster) => {
      // One of them is the way out for those behind the other two, who are neighbours.
      const victims = [job.nodes[8]!, job.nodes[7]!, job.nodes[4]!];
      await job.start(TOLERATE, undefined, {}, '24mbit');
      for (const victim of victims) await job.until(victim, 'draft-*/big');
      for (const victim of victims) await cluster.kill(victim);
      await job.struck();
      await job.works(job.nodes.filter(node => !victims.includes(node)));
    },
  ],
};

test('nodes that are lost', () =>
  withCluster(nodesOf(CASES), cluster => runCases(cluster, CASES), { slurm: true }));

faults.run();

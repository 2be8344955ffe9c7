/**
 * Whole jobs on 5, 8 and 13 nodes in each shape that a user can choose for the tree, and with a
 * leader lost in each while it receives: nodes behind it find another parent, whatever the shape.
 */
import { suite } from 'uvu';
import { type Cluster, whyNoCluster, withCluster } from './cluster.ts';
import { type Case, nodesOf, runCases } from './slurm-job.ts';

const trees = suite('tree');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? trees : trees.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

const killLeader = (cluster: Cluster, node: string) =>
  cluster.signal(node, 'SIGKILL', 'python-mpi\\.cjs');

/** The third node is lost, and the others go on without it. */
function losing(shape: string, count: number): Case {
  return [
    count,
    async (job, cluster) => {
      const victim = job.nodes[2]!;
      const others = job.nodes.filter(node => node !== victim);
      await job.start(['--tree', shape, '--tolerate-lost-nodes']);
      await job.until(victim, 'draft-*/big');
      await killLeader(cluster, victim);
      await job.struck();
      await job.works(others);
    },
  ];
}

for (const shape of ['binomial', 'binary', 'chain']) {
  const cases = Object.fromEntries(
    [5, 8, 13].map(count => [`${shape} of ${count} nodes, one of them lost`, losing(shape, count)]),
  );
  test(`${shape}, on 5, 8 and 13 nodes, each without one`, () =>
    withCluster(nodesOf(cases), cluster => runCases(cluster, cases), { slurm: true }));
}

trees.run();

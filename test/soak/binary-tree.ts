/**
 * A job on so many nodes that they form a binary tree, under a real srun: a position with half of
 * the others below it is lost together with its own child, another one of the same level stops.
 * Those behind them find others.
 *
 *     make soak
 */
import { whyNoCluster, withCluster } from '../cluster/cluster.ts';
import { type Case, nodesOf, runCases } from '../cluster/slurm-job.ts';

/** Up to 51 nodes form a chain (TREE_USUAL_LOAD). */
const NODES = 56;

const CASES: Record<string, Case> = {
  'a binary tree without three of its upper positions': [
    NODES,
    async (job, cluster) => {
      const [first, second, third] = [job.nodes[1]!, job.nodes[2]!, job.nodes[1 + NODES / 2]!];
      await job.start(['--tolerate-lost-nodes'], undefined, {}, '8mbit');
      for (const victim of [first, second, third]) await job.until(victim, 'draft-*/big');
      await cluster.signal(third, 'SIGSTOP', 'python-mpi\\.cjs');
      for (const victim of [first, second]) await cluster.kill(victim);
      await job.struck();
      await job.works(job.nodes.filter(node => ![first, second, third].includes(node)));
      await cluster.signal(third, 'SIGKILL', 'python-mpi\\.cjs');
    },
  ],
};

const reason = whyNoCluster({ slurm: true });
if (reason !== undefined) {
  console.log(`skipped: ${reason}`);
  process.exit(0);
}
await withCluster(nodesOf(CASES), cluster => runCases(cluster, CASES), { slurm: true });
console.log(`binary tree: ${NODES} nodes, three lost, the others staged`);

/**
 * The broadcast alone: 200 MiB from the root's memory to a file in every other node's memory,
 * against MPI_Bcast and sbcast; and over cables of 1 Gbit/s, against the time in which they could
 * carry it once.
 *
 *     node bench/bcast.ts [ROUNDS]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Cluster, withCluster } from '../test/cluster/cluster.ts';
import { bundled } from './bundled.ts';
import { leaderCosts, threadRows } from './leaders.ts';
import { SHARED } from './package.ts';
import { compilePeer } from './peer.ts';
import { printTable, ratios, takeTurns } from './table.ts';
import { allocate, outputOf, secondsOf } from './timing.ts';

const rounds = Number(process.argv[2] ?? 5);
const MIB = 200;
const FILE = '/dev/shm/broadcast';
/** Bits per second. */
const RATE = 1e9;

const mpi = [compilePeer('bcast'), String(MIB), FILE];
const ours = [process.execPath, bundled('bcast-node'), String(MIB), FILE];

const KERNEL =
  'all four nodes share the processors here: what is left is the kernel, which copies every byte out of a socket, into the next ' +
  'one and into the file, and a checksum at every hop';

/** Both programs measure the broadcast themselves: neither's start is of interest here. */
async function measured(cluster: Cluster, program: string[], env: NodeJS.ProcessEnv = {}) {
  const args = ['-n', String(cluster.nodes.length), '-ppn', '1', ...program];
  return Number(await outputOf(cluster.run('hydra', args, { env })));
}

await withCluster(
  4,
  async cluster => {
    const slurm = await allocate(cluster);
    const source = join(SHARED, `${MIB}-mib`);
    execFileSync('dd', ['if=/dev/zero', `of=${source}`, 'bs=1M', `count=${MIB}`, 'status=none']);
    const seconds = await takeTurns(rounds, {
      ours: () => measured(cluster, ours),
      mpiOverTcp: () => measured(cluster, mpi, { UCX_TLS: 'tcp,self' }),
      mpi: () => measured(cluster, mpi),
      sbcast: () => secondsOf(() => slurm(`sbcast --force ${source} ${FILE}`)),
    });
    const row = (against: string, peer: keyof typeof seconds, goal?: number, because?: string) => ({
      what: `${MIB} MiB, memory to tmpfs`,
      against,
      values: ratios(seconds.ours, seconds[peer]),
      ...(goal && { goal }),
      ...(because && { because }),
    });
    printTable('Broadcast to 4 nodes', [
      row('MPI_Bcast over TCP', 'mpiOverTcp', 0.35, KERNEL),
      row('MPI_Bcast through shared memory, no network', 'mpi'),
      row('sbcast', 'sbcast', 0.12, KERNEL),
      { what: `${MIB} MiB, memory to tmpfs`, against: 'seconds', values: seconds.ours },
    ]);
    printTable(
      'Where the processor time of a node goes in a broadcast to 4, start of Node included',
      threadRows(await leaderCosts(cluster, ['-n', '4', '-ppn', '1', ...ours])),
    );
  },
  { slurm: true },
);

await withCluster(8, async cluster => {
  for (const node of cluster.nodes) await cluster.shape(node, '1gbit');
  const bound = (MIB * 2 ** 20 * 8) / RATE;
  const seconds = await takeTurns(rounds, { ours: () => measured(cluster, ours) });
  printTable('Broadcast to 8 nodes, cables of 1 Gbit/s', [
    {
      what: `${MIB} MiB, memory to tmpfs`,
      against: `size / bandwidth (${bound.toFixed(2)} s)`,
      goal: 1.2,
      values: seconds.ours.map(cost => cost / bound),
      because: 'headers of the protocols take 5 % of a cable, and eight nodes share two processors',
    },
  ]);
});

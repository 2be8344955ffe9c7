/**
 * Staging on four nodes in one job step, from the launcher's start to its end, against what one
 * would do without: copy and untar on each node, MPI_Bcast and libarchive, sbcast and tar.
 *
 *     node bench/stage.ts [ROUNDS]
 */
import { PROJECT, withCluster } from '../test/cluster/cluster.ts';
import { leaderCosts, threadRows } from './leaders.ts';
import { makeBundle, makePackages, SHARED } from './package.ts';
import { compilePeer } from './peer.ts';
import { printTable, ratios, takeTurns } from './table.ts';
import { allocate, emptyNodes, secondsOf, UNPACKED } from './timing.ts';

const rounds = Number(process.argv[2] ?? 5);
const gzip = (await makePackages(SHARED))['tar.gz'];
const bundle = (await makeBundle(SHARED)).file;
const ancestor = compilePeer('ancestor', 'archive');

/** Something has to be started in Python's place; what is measured is what comes before. */
const stage = (file: string) =>
  `${PROJECT}/bin/python-mpi --keep --python true --packages ${file} -c pass`;
/** Hydra's words for a shell script on each node. */
const ON_EACH = ['-n', '4', '-ppn', '1', 'sh', '-c'];
const TASKS = '-n4 --ntasks-per-node=1';

const REASON =
  'the four leaders share two processors, so the sum of their processor time is the time: see where it goes below. Most of it is ' +
  'inflating and writing, which the peer does too; it starts no JavaScript engine, checks no SHA-256, and inflates gzip slower';

await withCluster(
  4,
  async cluster => {
    const slurm = await allocate(cluster);
    const hydra = (script: string, env: NodeJS.ProcessEnv = {}) =>
      cluster.run('hydra', [...ON_EACH, script], { env });
    const srun = (script: string) => slurm(`srun --mpi=none ${TASKS} ${script}`);
    const mpi = `${ancestor} ${gzip} ${UNPACKED}`;
    const untar = `tar -C ${UNPACKED} -xzf /dev/shm/package`;

    const timed = (start: Parameters<typeof secondsOf>[0]) => async () => {
      await emptyNodes(cluster);
      return secondsOf(start);
    };
    const seconds = await takeTurns(rounds, {
      gzip: timed(() => hydra(stage(gzip))),
      bundle: timed(() => hydra(stage(bundle))),
      copy: timed(() => hydra(`cp ${gzip} /dev/shm/package && ${untar}`)),
      mpi: timed(() => hydra(mpi)),
      mpiOverTcp: timed(() => hydra(mpi, { UCX_TLS: 'tcp,self' })),
      srunGzip: timed(() => srun(stage(gzip))),
      srunBundle: timed(() => srun(stage(bundle))),
      sbcast: timed(() =>
        slurm(`sbcast ${gzip} /dev/shm/package && srun --mpi=none ${TASKS} ${untar}`),
      ),
    });
    const costsOf = async (file: string) => {
      await emptyNodes(cluster);
      return leaderCosts(cluster, [...ON_EACH, stage(file)]);
    };
    const leaders = await costsOf(gzip);
    const ofBundle = await costsOf(bundle);
    const row = (
      what: string,
      ours: keyof typeof seconds,
      against: string,
      peer: keyof typeof seconds,
      goal?: number,
    ) => ({
      what,
      against,
      values: ratios(seconds[ours], seconds[peer]),
      ...(goal && { goal, because: REASON }),
    });
    const tcp = 'MPI_Bcast over TCP, then libarchive';
    const shared = 'the same, MPI through shared memory';
    printTable('Staging on 4 nodes', [
      row('.tar.gz under Hydra', 'gzip', 'cp and tar -xzf on each node', 'copy'),
      row('.tar.gz under Hydra', 'gzip', tcp, 'mpiOverTcp', 0.65),
      row('.tar.gz under Hydra', 'gzip', shared, 'mpi'),
      row('our bundle under Hydra', 'bundle', tcp, 'mpiOverTcp', 0.35),
      row('our bundle under Hydra', 'bundle', shared, 'mpi'),
      row('.tar.gz under srun', 'srunGzip', 'sbcast, then srun tar -xzf', 'sbcast', 0.35),
      row('our bundle under srun', 'srunBundle', 'sbcast, then srun tar -xzf', 'sbcast'),
      { what: 'our bundle under Hydra', against: 'seconds', values: seconds.bundle },
      {
        what: 'most memory of a leader besides the tree, .tar.gz',
        against: 'MiB',
        goal: 64,
        values: leaders.map(({ memory }) => memory / 2 ** 20),
      },
    ]);
    const where = 'Where the processor time of a leader goes';
    printTable(`${where}, .tar.gz under Hydra`, threadRows(leaders));
    printTable(`${where}, our bundle under Hydra`, threadRows(ofBundle));
  },
  { slurm: true },
);

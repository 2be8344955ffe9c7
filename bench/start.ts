/**
 * Starting Python on 4 nodes with 4 ranks each under srun: how long until the last rank has
 * imported numpy and scipy, and what a rank has cost by then.
 *
 *     node bench/start.ts [ROUNDS]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT, withCluster } from '../test/cluster/cluster.ts';
import { makeBundle, SHARED } from './package.ts';
import { pathCalls } from './path-calls.ts';
import { median, printTable, ratios, takeTurns } from './table.ts';
import { allocate, emptyNodes, outputOf, type Slurm, secondsOf } from './timing.ts';

const rounds = Number(process.argv[2] ?? 5);
const { file: bundle, tree } = await makeBundle(SHARED);
const SRUN = 'srun --mpi=none -n16 --ntasks-per-node=4';
const OURS = `${PROJECT}/bin/python-mpi --packages ${bundle}`;
/** Python where it is: on what stands for the shared file system here, and is in memory. */
const IN_PLACE = `env PYTHONHOME=${tree} ${tree}/bin/python3`;
const IMPORT = '"import numpy, scipy.interpolate"';
/**
 * With -P: looking for modules in the working directory is what the user asks of Python otherwise.
 */
const IMPORT_FFT = '"import numpy.fft; import scipy.interpolate"';

const IMPORT_COST =
  'import resource, numpy, scipy.interpolate; u = resource.getrusage(resource.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)';

/** Every rank says what it has cost so far. */
const report = join(PROJECT, 'bench/rank-cost.py');

/** Seconds of CPU, and bytes that only its parent has in memory, by what they are. */
interface RankCost {
  rank: number;
  cpu: number;
  parentCpu: number;
  parent: Record<string, number>;
}

/** @param later seconds after which the memory is looked at */
async function rankCosts(slurm: Slurm, python: string, later = 0): Promise<RankCost[]> {
  const output = await outputOf(slurm(`${SRUN} ${python} ${report} ${later}`));
  return output
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as RankCost)
    .sort((a, b) => a.rank - b.rank);
}

/**
 * Seconds after which a leader has given back what it will: V8 keeps pages that it has emptied for
 * 8 s.
 */
const SETTLED = 14;

/** Milliseconds of CPU of a Node that does nothing. */
function emptyNode(): number[] {
  return Array.from({ length: rounds }, () => {
    const script = 'TIMEFORMAT="%U %S"; time "$0" -e 0';
    const said = execFileSync('bash', ['-c', `{ ${script}; } 2>&1`, process.execPath], {
      encoding: 'utf8',
    });
    return said
      .trim()
      .split(' ')
      .reduce((sum, seconds) => sum + Number(seconds) * 1e3, 0);
  });
}

/** The lowest rank of each node leads it. */
const leads = ({ rank }: RankCost) => rank % 4 === 0;
const follows = (cost: RankCost) => !leads(cost);

await withCluster(
  4,
  async cluster => {
    const slurm = await allocate(cluster);
    const run = (python: string, script: string) => () =>
      secondsOf(() => slurm(`${SRUN} ${python} -c ${script}`));
    const fresh = (start: () => Promise<number>) => async () => {
      await emptyNodes(cluster);
      return start();
    };
    const staging = run(`${OURS} --keep --python true`, 'pass');
    const seconds = await takeTurns(rounds, {
      ours: fresh(run(OURS, IMPORT)),
      inPlace: run(IN_PLACE, IMPORT),
      first: fresh(staging),
      second: staging,
    });

    const plain = median((await rankCosts(slurm, IN_PLACE)).map(({ cpu }) => cpu));
    const costs = await rankCosts(slurm, OURS);
    const cpu = costs.filter(follows).map(cost => (cost.cpu - plain) * 1e3);
    // Of those that have unpacked, not found everything there.
    await emptyNodes(cluster);
    const settled = await rankCosts(slurm, OURS, SETTLED);
    const memory = (who: typeof leads, kind?: string) =>
      settled.filter(who).map(({ parent }) => {
        const parts = kind === undefined ? Object.values(parent) : [parent[kind] ?? 0];
        return parts.reduce((sum, bytes) => sum + bytes, 0) / 1e6;
      });
    const kinds = [...new Set(settled.flatMap(({ parent }) => Object.keys(parent)))];
    await emptyNodes(cluster);
    const fromNothing = await rankCosts(slurm, `${OURS} --keep`);
    const again = await rankCosts(slurm, `${OURS} --keep`);
    const own = (costs: RankCost[], who: typeof leads) =>
      costs.filter(who).map(({ cpu, parentCpu }) => (cpu - plain + parentCpu) * 1e3);
    const launching = await takeTurns(rounds, {
      srun: () => secondsOf(() => slurm(`${SRUN} true`)),
    });
    const importing = await outputOf(slurm(`${SRUN} ${IN_PLACE} -c '${IMPORT_COST}'`));
    await emptyNodes(cluster);
    const calls = await pathCalls(slurm, `${OURS} -P -c ${IMPORT_FFT}`);
    const plainCalls = await pathCalls(slurm, `${IN_PLACE} -P -c ${IMPORT_FFT}`);

    const shared = 'path look-ups on the shared file system';
    printTable('Start of Python, 4 nodes x 4 ranks under srun', [
      {
        what: 'start to the last import done, our bundle',
        against: 'the same Python read in place, from memory',
        goal: 1.6,
        values: ratios(seconds.ours, seconds.inPlace),
        because:
          'four nodes unpack 157 MB each on the two processors they share; in place reads what is in memory already',
      },
      {
        what: 'second run with --keep',
        against: 'first run',
        goal: 0.15,
        values: ratios(seconds.second, seconds.first),
        because:
          'no payload byte is sent; two processors start 16 Nodes, each 23 ms of CPU before a line of ours runs, and srun alone takes 0.2 s',
      },
      {
        what: `${shared}, leaders`,
        against: 'calls',
        goal: 30,
        values: calls.leaders,
        because:
          'as for other ranks, and then the engine, two worker programs, the janitor and the package',
      },
      {
        what: `${shared}, other ranks`,
        against: 'calls',
        goal: 8,
        values: calls.others,
        because:
          'the shell script, the pinned Node and the program; where sh is bash, also each directory above the working one',
      },
      { what: `${shared}, Python in place`, against: 'calls', values: plainCalls.others },
      {
        what: 'private memory left beside Python, leaders',
        against: 'MB',
        goal: 12,
        values: memory(leads),
        because:
          "an idle Node has 8.5 MB and our code 3 MB; 5 MB are malloc's, which the threads that unpacked have freed and it keeps",
      },
      {
        what: 'private memory left beside Python, other ranks',
        against: 'MB',
        goal: 0,
        values: memory(follows),
      },
      {
        what: 'CPU until Python runs, ranks that do not lead',
        against: 'ms',
        goal: 60,
        values: cpu,
        because:
          'an empty Node takes 23 ms on a quiet machine, its sockets and cryptography 6 more: see below what it takes here',
      },
    ]);
    const ms = (what: string, values: readonly number[]) => ({ what, against: 'ms', values });
    printTable('What starting 16 ranks is made of: processor time, but for srun', [
      ms(
        'srun of 16 times true, wall',
        launching.srun.map(wall => wall * 1e3),
      ),
      ms('an empty Node', emptyNode()),
      ms('python-mpi of a rank that does not lead, first run', own(fromNothing, follows)),
      ms('python-mpi of a leader, first run', own(fromNothing, leads)),
      ms('python-mpi of a rank that does not lead, second run', own(again, follows)),
      ms('python-mpi of a leader, second run', own(again, leads)),
      ms(
        'Python and the import',
        importing
          .trim()
          .split('\n')
          .map(cost => Number(cost) * 1e3),
      ),
    ]);
    printTable(
      'What the memory left beside Python is, leaders',
      kinds
        .map(kind => ({ what: kind, against: 'MB', values: memory(leads, kind) }))
        .filter(({ values }) => median(values) >= 0.1),
    );
  },
  { slurm: true },
);

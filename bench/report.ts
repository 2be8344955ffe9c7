/**
 * What a report costs: runs of four nodes under srun with PYTHON_MPI_REPORT and without, from the
 * launcher's start to the last Python, and the processor time of a leader some time after that.
 *
 *     node bench/report.ts [ROUNDS]
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT, withCluster } from '../test/cluster/cluster.ts';
import { makeBundle, SHARED } from './package.ts';
import { printTable, ratios, takeTurns } from './table.ts';
import { allocate, emptyNodes, outputOf, type Slurm } from './timing.ts';

const rounds = Number(process.argv[2] ?? 5);
const bundle = (await makeBundle(SHARED)).file;
const file = join(SHARED, 'report.json');
const SRUN = 'srun --mpi=none -n4 --ntasks-per-node=1';
const OURS = `${PROJECT}/bin/python-mpi --packages ${bundle}`;
/** Every rank says when it began, and what the Node of its leader has used. */
const SCRIPT = join(PROJECT, 'bench/report-cost.py');

/**
 * @returns seconds from the launcher's start to the last Python, and of a leader's processor time
 */
async function run(slurm: Slurm, options: string): Promise<{ wall: number; cpu: number }> {
  const start = Date.now() / 1000;
  const output = await outputOf(slurm(`${SRUN} ${OURS} ${options} ${SCRIPT}`));
  const lines = output.trim().split('\n');
  const said = lines.map(line => line.split(' ').map(Number) as [number, number]);
  const ticks = said.reduce((sum, [, used]) => sum + used, 0) / said.length;
  return { wall: Math.max(...said.map(([began]) => began)) - start, cpu: ticks / 100 };
}

await withCluster(
  4,
  async cluster => {
    const slurm = await allocate(cluster);
    const processor: Record<'plain' | 'reported', number[]> = { plain: [], reported: [] };
    const timed = (name: keyof typeof processor, options: string) => async () => {
      await emptyNodes(cluster);
      const { wall, cpu } = await run(slurm, options);
      processor[name].push(cpu);
      return wall;
    };
    const seconds = await takeTurns(rounds, {
      plain: timed('plain', ''),
      reported: timed('reported', `--report ${file}`),
    });
    // The first round warms up.
    const [plain, reported] = [processor.plain.slice(1), processor.reported.slice(1)];
    const without = 'without a report';
    printTable('A report of the run (PYTHON_MPI_REPORT)', [
      {
        what: 'start to the last Python, 4 nodes',
        against: without,
        values: ratios(seconds.reported, seconds.plain),
      },
      {
        what: 'processor time of a leader',
        against: without,
        values: ratios(reported, plain),
      },
      { what: 'processor time of a leader, without', against: 's', values: plain },
      { what: 'report of a node', against: 'KB', values: [statSync(file).size / 4e3] },
    ]);
  },
  { slurm: true },
);

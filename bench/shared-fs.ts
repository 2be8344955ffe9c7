/**
 * Starting Python where everything lies on a shared file system: environment, package, script and
 * the product itself. Four nodes with four ranks each, and a file system that is as slow as a job
 * of N nodes finds it (test/shared-fs), from cold.
 *
 *     node bench/shared-fs.ts [ROUNDS]
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { PROJECT, withCluster } from '../test/cluster/cluster.ts';
import { type Counts, metadataOf, SharedFs, shareOf } from '../test/cluster/shared-fs.ts';
import { makeBundle, SHARED } from './package.ts';
import { markdownTable, median } from './table.ts';
import { allocate, emptyNodes, secondsOf } from './timing.ts';

const rounds = Number(process.argv[2] ?? 3);
/**
 * Sizes of the job. Plain Python is measured up to the first of the large ones, and extrapolated
 * from the last two.
 */
const SIZES = [16, 64, 256, 1024] as const;
const LARGE = [4096] as const;
const NODES = 4;
const SRUN = 'srun --mpi=none -n16 --ntasks-per-node=4';

/** All of it below one directory, which becomes the shared file system. */
async function furnish(directory: string): Promise<void> {
  const { file, tree } = await makeBundle(SHARED);
  mkdirSync(`${directory}/product/node_modules`, { recursive: true });
  for (const part of ['bin', 'dist', `node_modules/node-linux-${process.arch}`])
    cpSync(`${PROJECT}/${part}`, `${directory}/product/${part}`, { recursive: true });
  cpSync(tree, `${directory}/tree`, { recursive: true, verbatimSymlinks: true });
  cpSync(file, `${directory}/bundle.tar.zst`);
  writeFileSync(`${directory}/script.py`, 'import numpy.fft\nimport scipy.interpolate\n');
}

interface Start {
  seconds: number;
  /** Of all nodes together. */
  operations: number;
  /** Read by the node that read most, besides the first. */
  bytes: number;
}

await withCluster(
  NODES,
  async cluster => {
    const slurm = await allocate(cluster);
    const directory = `${cluster.shared}/fs`;
    await furnish(directory);
    const ways = {
      'plain python3': `${SRUN} env PYTHONHOME=${directory}/tree ${directory}/tree/bin/python3 ${directory}/script.py`,
      'sbcast, tar, python3':
        `sbcast ${directory}/bundle.tar.zst /dev/shm/b.tar.zst && ` +
        'srun --mpi=none -n4 --ntasks-per-node=1 tar -C /dev/shm/unpacked --zstd -xf /dev/shm/b.tar.zst && ' +
        `${SRUN} env PYTHONHOME=/dev/shm/unpacked /dev/shm/unpacked/bin/python3 ${directory}/script.py`,
      'python-mpi': `${SRUN} ${directory}/product/bin/python-mpi --packages ${directory}/bundle.tar.zst ${directory}/script.py`,
    };
    type Way = keyof typeof ways;
    const fs = await SharedFs.over(cluster, directory, shareOf(SIZES[0], NODES));

    const start = async (way: Way, size: number): Promise<Start> => {
      await emptyNodes(cluster);
      await fs.reset(shareOf(size, NODES));
      const seconds = await secondsOf(() => slurm(ways[way]));
      const { n0: _first, ...others } = await fs.counts();
      const all = Object.values({ ...others, n0: _first }) as Counts[];
      return {
        seconds,
        operations: all.reduce((sum, counts) => sum + metadataOf(counts), 0),
        bytes: Math.max(...Object.values(others).map(({ bytes }) => bytes)),
      };
    };
    const measure = async (way: Way, size: number): Promise<Start> => {
      const starts: Start[] = [];
      for (let round = 0; round < rounds; round++) starts.push(await start(way, size));
      const of = (key: keyof Start) => median(starts.map(each => each[key]));
      return { seconds: of('seconds'), operations: of('operations'), bytes: of('bytes') };
    };

    const results = new Map<string, Start>();
    for (const size of SIZES)
      for (const way of Object.keys(ways) as Way[])
        results.set(`${way} ${size}`, await measure(way, size));
    for (const size of LARGE) {
      const [near, far] = SIZES.slice(-2).map(at => results.get(`plain python3 ${at}`)!.seconds);
      const [from, to] = SIZES.slice(-2);
      const slope = (far! - near!) / (to! - from!);
      results.set(`plain python3 ${size}`, {
        seconds: far! + slope * (size - to!),
        operations: Number.NaN,
        bytes: Number.NaN,
      });
      results.set(`python-mpi ${size}`, await measure('python-mpi', size));
    }
    await fs.end();
    rmSync(directory, { recursive: true });

    const sizes = [...SIZES, ...LARGE];
    const cell = (way: string, size: number) => {
      const result = results.get(`${way} ${size}`);
      if (result === undefined) return '';
      const extrapolated = Number.isNaN(result.operations) ? '(extrapolated) ' : '';
      return `${extrapolated}${result.seconds.toFixed(1)} s`;
    };
    const largest = (way: string) => results.get(`${way} ${SIZES.at(-1)}`)!;
    console.log('### A job of N nodes whose files lie on a shared file system, cold\n');
    console.log(
      `Four of its nodes with four ranks each, on a server with four N-ths of 50,000 metadata requests and 20 GB a second; ` +
        `median of ${rounds}; until every rank has imported numpy.fft and scipy.interpolate.\n`,
    );
    console.log(
      markdownTable(
        [
          'way',
          ...sizes.map(size => `N = ${size}`),
          'requests, 4 nodes',
          'MB per node but the first',
        ],
        Object.keys(ways).map(way => [
          way,
          ...sizes.map(size => cell(way, size)),
          largest(way).operations,
          (largest(way).bytes / 1e6).toFixed(1),
        ]),
      ),
    );
  },
  { slurm: true },
);

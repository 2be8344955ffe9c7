/**
 * Strikes hundreds of jobs at seeded instants, on a few beds side by side, and says what came of
 * each.
 *
 *     make soak [POINTS=300] [SEED=...] [FIRST=0] [LAUNCHERS=srun,hydra,...] [BEDS=2]
 *
 * SEED and FIRST repeat points of an earlier run, whose seed stands in its first line.
 */
import { type Cluster, whyNoCluster, withCluster } from '../cluster/cluster.ts';
import { type JobLauncher, KillPoints, LAUNCHERS } from './kill-points.ts';

const { POINTS = '300', SEED, FIRST = '0', LAUNCHERS: only, BEDS = '2' } = process.env;
const seed = Number(SEED ?? Math.floor(Math.random() * 1e6));
const first = Number(FIRST);
const end = first + Number(POINTS);
const launchers = (only ? only.split(',') : LAUNCHERS) as JobLauncher[];

const reason = whyNoCluster({ slurm: true });
if (reason !== undefined) {
  console.log(`skipped: ${reason}`);
  process.exit(0);
}

console.log(
  `soak: SEED=${seed} FIRST=${first} POINTS=${end - first} LAUNCHERS=${launchers.join(',')}`,
);
let next = first;
const failed: number[] = [];

async function work(cluster: Cluster): Promise<void> {
  const points = await KillPoints.on(cluster, launchers);
  while (next < end) {
    const point = next++;
    const { what, faults } = await points.strike(seed, point);
    console.log(`${faults.length === 0 ? 'ok  ' : 'FAIL'} ${point} ${what}`);
    for (const fault of faults) console.log(`     ${fault.replace(/\n/g, '\n     ')}`);
    if (faults.length > 0) failed.push(point);
  }
}

const beds = Array.from({ length: Number(BEDS) }, () => withCluster(4, work, { slurm: true }));
for (const outcome of await Promise.allSettled(beds)) {
  if (outcome.status === 'fulfilled') continue;
  console.log(`FAIL a bed: ${outcome.reason}`);
  process.exitCode = 1;
}
console.log(
  `${next - first - failed.length} points passed, ${failed.length} failed ${failed.join(' ')}`,
);
if (failed.length > 0) process.exitCode = 1;

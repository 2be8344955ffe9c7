/**
 * Jobs that are struck at seeded instants, under every launcher: a slice of what `make soak` does
 * with hundreds. Each point proves that no process, port or file of the job is left, and that the
 * next job works.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/deadline.ts';
import { KillPoints, LAUNCHERS } from '../soak/kill-points.ts';
import { whyNoCluster, withCluster } from './cluster.ts';

const struck = suite('kill points');
const reason = whyNoCluster({ slurm: true });
const test = reason === undefined ? struck : struck.skip;
if (reason !== undefined) console.log(`skipped: ${reason}`);

/** Same seed, same blows; another one for every day would not tell who broke what. */
const SEED = 6;
const BEDS = 2;
/**
 * Points are struck until all are, or so many milliseconds have passed: how many that is depends on
 * the machine, and is reported. Each bed strikes at least one.
 */
const ENOUGH_MS = 35_000;
const POINTS = 30;

test('nothing is left of a job that is struck, and the next one works', async () => {
  const deadline = Deadline.after(ENOUGH_MS);
  let next = 0;
  const wrong: string[] = [];
  await Promise.all(
    Array.from({ length: BEDS }, () =>
      withCluster(
        4,
        async cluster => {
          const points = await KillPoints.on(cluster, LAUNCHERS);
          do {
            const point = next++;
            const { what, faults } = await points.strike(SEED, point);
            if (faults.length > 0) wrong.push(`point ${point}, ${what}: ${faults.join('; ')}`);
          } while (next < POINTS && !deadline.expired);
        },
        { slurm: true },
      ),
    ),
  );
  console.log(`${next} points, seed ${SEED}`);
  assert.equal(wrong, []);
});

struck.run();

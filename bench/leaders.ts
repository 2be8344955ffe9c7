/** What node leaders under Hydra cost: memory, and the processor time of each of their threads. */
import { type Cluster, PROJECT } from '../test/cluster/cluster.ts';
import type { Row } from './table.ts';
import { outputOf } from './timing.ts';

/** What a leader has cost by its end; see leader-cost.py. */
export interface LeaderCost {
  /** Bytes. */
  memory: number;
  /** Seconds in user and in system mode, by the thread's name. */
  threads: Record<string, [user: number, system: number]>;
}

/** Each leader's of a job. @param args of Hydra: how many of what */
export async function leaderCosts(
  cluster: Cluster,
  args: readonly string[],
): Promise<LeaderCost[]> {
  const watch = ['python3', `${PROJECT}/bench/leader-cost.py`];
  const launch = [`${PROJECT}/test/cluster/bed.d/hydra`, ...args];
  const output = await outputOf(cluster.on('head', [...watch, ...launch]));
  return output
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
}

/** A row for each thread and mode that takes its time. */
export function threadRows(leaders: readonly LeaderCost[]): Row[] {
  const names = [...new Set(leaders.flatMap(leader => Object.keys(leader.threads)))];
  return names
    .flatMap(name =>
      ['user', 'system'].map((mode, index) => ({
        what: `${name}, ${mode}`,
        against: 'ms',
        values: leaders.map(leader => (leader.threads[name]?.[index] ?? 0) * 1e3),
      })),
    )
    .filter(({ values }) => Math.max(...values) >= 10);
}

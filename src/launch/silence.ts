/**
 * A word to the user when nodes do not come, and never could: a name that stands for nothing, or
 * ports behind a filter. A node that is merely late refuses, and is waited for without a word.
 */
import { Alarm, type Deadline, now } from '../deadline.ts';
import { findObstacle, type Obstacle } from '../net/probe.ts';
import type { NodeMap } from './rendezvous/node-map.ts';
import type { Rendezvous } from './rendezvous/rendezvous.ts';

/** How long nodes may take to come before it is asked what keeps them, in milliseconds. */
const PATIENCE_MS = 15_000;
/** Of how many nodes the way is looked at. */
const MOST = 32;

/**
 * On the root: looks once, when nodes take long to come, whether the nodes can be reached, and warns
 * of the first that cannot. The root's own name is the one that the others need.
 * @param allCame settles when no node is waited for any more: one that is lost then did come
 */
export function warnOfSilence(
  rendezvous: Rendezvous,
  { leaders }: NodeMap,
  deadline: Deadline,
  allCame: Promise<unknown>,
  warn: (message: string) => void,
): void {
  if (leaders.length === 1) return;
  let isOver = false;
  const look = async () => {
    for (let position = 0; position < Math.min(leaders.length, MOST) && !isOver; position++) {
      const { host, endpoints } = await rendezvous.cardOf(position);
      const obstacle = await findObstacle(endpoints);
      if (obstacle !== undefined && !isOver) return warn(worded(host, obstacle));
    }
  };
  const alarm = new Alarm(() => void look().catch(() => {}));
  alarm.set(now() + Math.min(PATIENCE_MS, deadline.remaining / 3));
  const end = () => {
    isOver = true;
    alarm.clear();
  };
  allCame.then(end, end);
}

function worded(node: string, obstacle: Obstacle): string {
  if (obstacle.why === 'unknown name')
    return (
      `the name '${obstacle.host}' stands for no address here, so node ${node} cannot be reached; ` +
      'see /etc/hosts and DNS on the nodes'
    );
  return (
    `${obstacle.address} port ${obstacle.port} does not answer, where node ${node} is to be ` +
    'reached: packets are dropped, by a firewall perhaps; see PYTHON_MPI_PORT_RANGE and ' +
    'PYTHON_MPI_INTERFACE'
  );
}

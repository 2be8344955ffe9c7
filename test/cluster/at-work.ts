/** When a fault is to strike: in the middle of the work. */
import { pause } from '../../src/deadline.ts';
import { type Cluster, PROJECT } from './cluster.ts';

/** Resolves when a node has begun to unpack. @returns the process that leads it */
export async function leaderAtWork(cluster: Cluster, node: string): Promise<string> {
  for (;;) {
    const draft = await cluster.on(node, ['sh', '-c', 'ls -d /dev/shm/python-mpi-*/draft-*/*']);
    const { stdout } = await cluster.on('head', [`${PROJECT}/test/cluster/bed.d/ps`]);
    const leader = stdout
      .split('\n')
      .find(line => line.startsWith(`${node} `) && line.includes('/python-mpi.cjs'));
    if (draft.status === 0 && leader !== undefined) return leader.split(' ')[1]!;
    await pause(50);
  }
}

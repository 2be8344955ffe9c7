/** Commands on the cluster in a box, and how long they take. */
import { randomBytes } from 'node:crypto';
import { now } from '../src/deadline.ts';
import type { Cluster, Finished } from '../test/cluster/cluster.ts';

/** Output of a command that has to succeed. */
export async function outputOf(running: Promise<Finished>): Promise<string> {
  const { status, stdout, stderr } = await running;
  if (status !== 0) throw new Error(`status ${status}: ${stderr.slice(-2000)}`);
  return stdout;
}

/** Seconds from a command's start to its successful end. */
export async function secondsOf(start: () => Promise<Finished>): Promise<number> {
  const began = now();
  await outputOf(start());
  return (now() - began) / 1000;
}

/**
 * Longest that one script may take, in milliseconds: plain Python on a slow file system is what is
 * compared with.
 */
const LIMIT_MS = 600_000;

/** Runs a shell script that uses srun and sbcast. */
export type Slurm = (script: string) => Promise<Finished>;

/**
 * Takes all nodes for one Slurm job, until the cluster goes. A job for each measurement would
 * sometimes wait half a minute for the scheduler to look again.
 */
export async function allocate(cluster: Cluster): Promise<Slurm> {
  const configured = 'export SLURM_CONF=$BED_STATE/slurm/slurm.conf; ';
  const run = (script: string, env: NodeJS.ProcessEnv) =>
    cluster.on('head', ['sh', '-c', configured + script], { env, timeoutMs: LIMIT_MS });
  const salloc = `salloc --no-shell --wait-all-nodes=1 --exclusive -N${cluster.nodes.length} 2>&1`;
  const [id] = /\d+/.exec(await outputOf(run(salloc, {}))) ?? [''];
  const secret = randomBytes(32).toString('hex');
  return script => run(script, { SLURM_JOB_ID: id, SLURM_OVERLAP: '1', PYTHON_MPI_SECRET: secret });
}

/** Where peers unpack to. */
export const UNPACKED = '/dev/shm/unpacked';

/**
 * Empties every node's /dev/shm but for an empty {@link UNPACKED}: what is measured cleans up
 * nothing.
 */
export async function emptyNodes(cluster: Cluster): Promise<void> {
  for (const node of cluster.nodes) {
    await outputOf(cluster.on(node, ['sh', '-c', `rm -rf /dev/shm/* && mkdir ${UNPACKED}`]));
  }
}

/**
 * `srun`, whatever its --mpi: every rank's place is in the environment, so its PMI is not touched.
 *
 * That matters under --mpi=pmi2, whose server refuses a second `init`: the descriptor goes to
 * Python unused. What Slurm lacks for us is a key-value store. The STEP_ variables are the ones to
 * read; others may describe the allocation. See `man srun`, "Output environment variables".
 */
import { PythonMpiError } from '../../errors.ts';
import { socketOf } from '../channel.ts';
import { readCount } from '../environment.ts';
import type { LauncherSession, Method } from '../launcher.ts';
import { dense, expandMapping } from '../mapping.ts';
import { rendezvousFileOf } from '../rendezvous-file.ts';
import { secretOrigin } from '../secret.ts';
import { SERVERLESS } from '../serverless.ts';
import { hostsInOrder } from './arbitrary.ts';
import { expandCounts, expandHostlist } from './hostlist.ts';
import { hasPmixServer } from './pmix.ts';

/**
 * Numbers of steps from here on are not those of srun: SLURM_INTERACTIVE_STEP, SLURM_BATCH_SCRIPT
 * and others of slurm.h.
 */
const FIRST_SPECIAL_STEP = 0xffff_fff0;

export const slurm: Method = {
  name: 'slurm',

  claims(env, log) {
    const { SLURM_PROCID, SLURM_JOB_ID, SLURM_STEP_ID } = env;
    if (SLURM_PROCID === undefined || SLURM_JOB_ID === undefined || SLURM_STEP_ID === undefined)
      return undefined;
    if (isInherited(env)) {
      log(
        'launcher slurm: SLURM_* are those of a step that another launcher or a batch script runs in',
      );
      return undefined;
    }
    if (env.PMIX_RANK !== undefined && hasPmixServer(env) && secretOrigin(env) === undefined) {
      log('launcher slurm: without a secret and MUNGE, the store of --mpi=pmix is needed');
      return undefined;
    }
    return `step ${SLURM_JOB_ID}.${SLURM_STEP_ID}, SLURM_PROCID=${SLURM_PROCID}`;
  },

  async open({ env, why, log }) {
    const names = expandHostlist(need(env, 'SLURM_STEP_NODELIST'));
    const counts = expandCounts(need(env, 'SLURM_STEP_TASKS_PER_NODE'));
    const size = counts.reduce((sum, count) => sum + count, 0);
    const rank = readCount(env, 'SLURM_PROCID', 0);
    const nodes = nodesOfStep(env, names, counts);
    if (readCount(env, 'SLURM_NTASKS', 1) !== size) throw contradiction('the number of ranks');
    const jobId = `${env.SLURM_JOB_ID}.${env.SLURM_STEP_ID}`;
    const descriptor = env.PMI_FD === undefined ? undefined : socketOf('PMI_FD', env.PMI_FD);
    const place = (): Pick<LauncherSession, 'placement' | 'hosts' | 'rendezvousFile'> => {
      if (nodes === undefined) {
        const rendezvousFile = rendezvousFileOf(env, this.name, jobId);
        log(`launcher slurm: rank ${rank} of ${size}, meets in ${rendezvousFile.directory}`);
        return { placement: { rank, size, nodes }, rendezvousFile };
      }
      const agree = names.length === counts.length && isDealt(nodes, counts);
      if (!agree || nodes[rank] !== readCount(env, 'SLURM_NODEID', 0))
        throw contradiction(`the node of rank ${rank}`);
      const hosts = [...new Set(nodes)].map(node => names[node]!);
      log(`launcher slurm: rank ${rank} of ${size}, ${hosts.length} nodes, rank 0 on ${hosts[0]}`);
      return { placement: { rank, size, nodes: dense(nodes) }, hosts };
    };
    return {
      ...SERVERLESS,
      launcher: this.name,
      why,
      ...place(),
      jobId,
      endCommand: stepEndCommand(env),
      handOver: { ...SERVERLESS.handOver, descriptor },
    };
  },
};

/**
 * The command that tells all tasks of this step to end. Without --kill-on-bad-exit, srun lets them
 * run on when one has failed; and that kills without a word, so that no rank could clean up.
 */
export function stepEndCommand(env: NodeJS.ProcessEnv): string {
  return `scancel --quiet --signal=TERM ${env.SLURM_JOB_ID}.${env.SLURM_STEP_ID}`;
}

/**
 * Whether PMI_FD is that of `srun --mpi=pmi2`, which hangs a client that says `init` twice. Ranks
 * of a Hydra inside an allocation inherit SLURM_* too, but of the step that started the proxies.
 */
export function isSrunDescriptor(env: NodeJS.ProcessEnv): boolean {
  return (
    env.PMI_JOBID !== undefined &&
    env.SLURM_STEP_ID !== undefined &&
    env.PMI_RANK === env.SLURM_PROCID &&
    env.PMI_SIZE === env.SLURM_STEP_NUM_TASKS
  );
}

/**
 * Whether SLURM_* belong to other processes: to the daemons that another launcher started inside
 * the allocation, one task a node. Such steps are smaller than the job, and Open MPI's ranks have
 * another PMIx than Slurm's.
 */
function isInherited(env: NodeJS.ProcessEnv): boolean {
  const { OMPI_COMM_WORLD_RANK, PMIX_RANK, PMIX_NAMESPACE, SLURM_PROCID } = env;
  const foreign =
    PMIX_RANK === undefined
      ? OMPI_COMM_WORLD_RANK !== undefined
      : PMIX_RANK !== SLURM_PROCID || !PMIX_NAMESPACE?.startsWith('slurm.pmix.');
  // The steps of batch scripts and interactive shells have the numbers that are left over at the
  // end.
  const isShell = Number(env.SLURM_STEP_ID) >= FIRST_SPECIAL_STEP;
  // The components of a heterogeneous step count their own tasks here.
  const partial = env.SLURM_STEP_NUM_TASKS !== env.SLURM_NTASKS && env.SLURM_HET_SIZE === undefined;
  return foreign || isShell || partial;
}

/**
 * The node of every rank, as an index into the step's node list; undefined where Slurm does not
 * say.
 */
function nodesOfStep(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
  counts: readonly number[],
): number[] | undefined {
  const size = counts.reduce((sum, count) => sum + count, 0);
  const mapped = env.SLURM_PMIX_MAPPING_SERV && expandMapping(env.SLURM_PMIX_MAPPING_SERV, size);
  if (mapped) return mapped;
  const [, distribution = '', plane = env.SLURM_DIST_PLANESIZE] =
    /^(\w+)(?:=(\d+))?/.exec(env.SLURM_DISTRIBUTION ?? 'block') ?? [];
  switch (distribution) {
    case 'block':
      return deal(counts, Number.POSITIVE_INFINITY);
    case 'cyclic':
      return deal(counts, 1);
    case 'plane':
      if (Number(plane) > 0) return deal(counts, Number(plane));
      break;
    case 'arbitrary':
      return nodesInOrder(env, names, size);
  }
  throw new PythonMpiError(
    'LAUNCHER',
    `SLURM_DISTRIBUTION=${env.SLURM_DISTRIBUTION} is not known`,
    {
      hint: 'use --distribution=block, cyclic, plane or arbitrary, or --mpi=pmix',
    },
  );
}

/** Deals ranks to nodes in turn, `hand` at a time, until each node has its count. */
function deal(counts: readonly number[], hand: number): number[] {
  const room = [...counts];
  const nodes: number[] = [];
  while (room.some(left => left > 0)) {
    room.forEach((left, node) => {
      const dealt = Math.min(hand, left);
      for (let i = 0; i < dealt; i++) nodes.push(node);
      room[node] = left - dealt;
    });
  }
  return nodes;
}

/** Whether each node got as many ranks as it should. */
function isDealt(nodes: readonly number[], counts: readonly number[]): boolean {
  const left = [...counts];
  for (const node of nodes) left[node] = (left[node] ?? 0) - 1;
  return left.length === counts.length && left.every(count => count === 0);
}

/** With --distribution=arbitrary, the nodes in the user's order, as far as that is known here. */
function nodesInOrder(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
  size: number,
): number[] | undefined {
  if (names.length === 1) return Array<number>(size).fill(0);
  return hostsInOrder(env)
    ?.slice(0, size)
    .map(name => names.indexOf(name));
}

function need(env: NodeJS.ProcessEnv, variable: string): string {
  const text = env[variable];
  if (text !== undefined) return text;
  throw new PythonMpiError('LAUNCHER', `${variable} is not set, and other SLURM_* are`, {
    hint: 'start python-mpi with srun itself, or name the launcher with PYTHON_MPI_LAUNCHER',
  });
}

function contradiction(what: string): PythonMpiError {
  return new PythonMpiError('LAUNCHER', `SLURM_* contradict each other about ${what}`, {
    hint: 'start python-mpi with srun itself, or name the launcher with PYTHON_MPI_LAUNCHER',
  });
}

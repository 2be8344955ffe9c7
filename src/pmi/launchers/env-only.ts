/**
 * Launchers that tell a rank which one it is, and nothing of the others: a line each.
 *
 * The root is found by a rendezvous file in a shared directory, and the ranks tell each other the
 * rest. Host lists are no help: none of them says which rank is where, and of some the first host
 * only runs the batch script.
 */
import { asPythonMpiError, PythonMpiError } from '../../errors.ts';
import { readCount } from '../environment.ts';
import type { LauncherSession, Method, Opening } from '../launcher.ts';
import { rendezvousFileOf } from '../rendezvous-file.ts';
import { SERVERLESS } from '../serverless.ts';

interface EnvOnly {
  name: string;
  /** Variable with the rank's number. */
  rank: string;
  /** Number of the first rank, if not 0. */
  first?: number;
  /** Variables that may tell how many ranks there are; the first that is set does. */
  sizes: readonly string[];
  /**
   * Whether ranks may not go it alone where none of them is set: never the wish of a user of this
   * launcher.
   */
  insists?: boolean;
  /** Variables that together are the job's own and the same on all its ranks. */
  job: readonly string[];
  /** See LauncherSession.endCommand. */
  endCommand?: () => string;
}

/** The user's word about the size. */
const SIZE = 'PYTHON_MPI_SIZE';

const LAUNCHERS: readonly EnvOnly[] = [
  {
    // aprun(1), "Environment variables". PBS_NP is the whole batch job's, which need not be
    // aprun's.
    name: 'alps',
    rank: 'ALPS_APP_PE',
    sizes: [SIZE, 'PBS_NP'],
    insists: true,
    job: ['ALPS_APP_ID'],
    // ALPS lets the others run on after an exit status, and ends them all when a rank dies by a
    // signal. What it has started is our starter.
    endCommand: () => `kill -s KILL ${process.ppid}`,
  },
  {
    // `flux run -o pmi=none`; flux-environment(7).
    name: 'flux',
    rank: 'FLUX_TASK_RANK',
    sizes: ['FLUX_JOB_SIZE'],
    job: ['FLUX_JOB_ID'],
  },
  {
    // JSM, should its PMIx be of a kind that is not spoken here.
    name: 'jsrun',
    rank: 'JSM_NAMESPACE_RANK',
    sizes: ['JSM_NAMESPACE_SIZE'],
    job: ['LSB_JOBID', 'PMIX_NAMESPACE'],
  },
  {
    // Open MPI up to 4.0, whose PMIx is of a kind that is not spoken here. All ranks share this
    // random number.
    name: 'openmpi',
    rank: 'OMPI_COMM_WORLD_RANK',
    sizes: ['OMPI_COMM_WORLD_SIZE'],
    job: ['OMPI_MCA_orte_precondition_transports'],
  },
  {
    // MVAPICH2, whose PMI server takes one connection of a rank, and that is for Python.
    name: 'mpirun_rsh',
    rank: 'MV2_COMM_WORLD_RANK',
    sizes: ['MV2_COMM_WORLD_SIZE'],
    job: ['MPISPAWN_MPIRUN_HOST', 'MPISPAWN_MPIRUN_ID'],
  },
  // These two know the size of the batch job only, and set the same variables for what is no rank.
  { name: 'blaunch', rank: 'LSF_PM_TASKID', first: 1, sizes: [SIZE], job: ['LSB_JOBID'] },
  { name: 'pbsdsh', rank: 'PBS_VNODENUM', sizes: [SIZE], job: ['PBS_JOBID'] },
];

/** A method for each of them. */
export const envOnly: readonly Method[] = LAUNCHERS.map(launcher => ({
  name: launcher.name,

  claims(env) {
    const { rank, sizes, insists, job } = launcher;
    const isSized = insists || sizes.some(variable => env[variable] !== undefined);
    const needed = [rank, ...job];
    if (!isSized || needed.some(variable => env[variable] === undefined)) return undefined;
    return needed.map(variable => `${variable}=${env[variable]}`).join(', ');
  },

  open: opening => open(launcher, opening),
}));

async function open(launcher: EnvOnly, { env, why, log }: Opening): Promise<LauncherSession> {
  const { name, first = 0, sizes, endCommand } = launcher;
  const rank = readCount(env, launcher.rank, first) - first;
  const source = sizes.find(variable => env[variable] !== undefined);
  if (source === undefined) {
    throw new PythonMpiError('USAGE', `${name} does not tell a rank how many there are`, {
      hint: `export ${SIZE} with the number of ranks that the launcher is to start`,
    });
  }
  const size = source === SIZE ? sizeOf(env, rank + 1) : readCount(env, source, rank + 1);
  const jobId = launcher.job.map(variable => env[variable] ?? '').join(' ');
  const rendezvousFile = rendezvousFileOf(env, name, jobId);
  log(
    `launcher ${name}: rank ${rank} of ${size} (${source}), meets in ${rendezvousFile.directory}`,
  );
  return {
    ...SERVERLESS,
    launcher: name,
    why,
    placement: { rank, size, nodes: size === 1 ? [0] : undefined },
    jobId,
    rendezvousFile,
    ...(endCommand === undefined ? {} : { endCommand: endCommand() }),
  };
}

/** The user's word about the size. */
function sizeOf(env: NodeJS.ProcessEnv, least: number): number {
  try {
    return readCount(env, SIZE, least);
  } catch (thrown) {
    const { message } = asPythonMpiError(thrown);
    throw new PythonMpiError('USAGE', message, {
      hint: 'set it to the number of ranks that the launcher is to start',
    });
  }
}

/**
 * `aprun` of ALPS on Cray XC and XE: a rank is told its number and the job's, and nothing of the others.
 *
 * The size comes from the user or from the batch system, the root is found by a note in a shared directory. See
 * aprun(1), "Environment variables"; there is no public interface to the placement.
 */
import { join } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { readCount } from './environment.ts';
import { Notice } from './notice.ts';
import type { Method } from './rendezvous.ts';

/** Where the size can come from: the user's word first, then that of Torque about the whole batch job. */
const SIZES = ['PYTHON_MPI_SIZE', 'PBS_NP'];

export const alps: Method = {
  name: 'alps',

  claims({ ALPS_APP_PE, ALPS_APP_ID }) {
    if (ALPS_APP_PE === undefined || ALPS_APP_ID === undefined) return undefined;
    return `ALPS_APP_PE=${ALPS_APP_PE}, ALPS_APP_ID=${ALPS_APP_ID}`;
  },

  async open({ env, why, log }) {
    const rank = readCount(env, 'ALPS_APP_PE', 0);
    const source = SIZES.find(variable => env[variable] !== undefined);
    if (source === undefined) {
      throw new PythonMpiError('USAGE', 'aprun does not tell a rank how many there are', {
        hint: 'export PYTHON_MPI_SIZE with the number given to aprun -n',
      });
    }
    const size = readCount(env, source, rank + 1);
    const notice = new Notice(directoryOf(env), `alps-${identity(env.ALPS_APP_ID)}`);
    log(`launcher alps: rank ${rank} of ${size} (${source}), meets in ${notice.directory}`);
    return {
      launcher: this.name,
      why,
      placement: { rank, size, nodes: size === 1 ? [0] : undefined },
      kvs: undefined,
      jobId: identity(env.ALPS_APP_ID),
      notice,
      // ALPS lets the others run on after an exit status, and ends them all when a rank dies by a signal.
      endCommand: `kill -s KILL ${process.pid}`,
      handOver: { env: {}, descriptor: undefined, parentMustStay: false },
      stuck: false,
      async settle() {},
      async finish() {},
      async abort() {},
    };
  },
};

/** The job's number, fit for the name of a file. */
function identity(text = ''): string {
  if (/^\d{1,20}$/.test(text)) return text;
  throw new PythonMpiError('LAUNCHER', `ALPS_APP_ID=${text} is no number`, {
    hint: 'start python-mpi through aprun itself, with the environment it sets',
  });
}

function directoryOf({ PYTHON_MPI_RENDEZVOUS, HOME }: NodeJS.ProcessEnv): string {
  const directory = PYTHON_MPI_RENDEZVOUS || (HOME && join(HOME, '.python-mpi'));
  if (directory?.startsWith('/')) return directory;
  throw new PythonMpiError('USAGE', `PYTHON_MPI_RENDEZVOUS is '${PYTHON_MPI_RENDEZVOUS ?? ''}'`, {
    hint: 'it must be an absolute path of a directory that all nodes see',
  });
}

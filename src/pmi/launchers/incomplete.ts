/**
 * A process that is told that it is a rank, and not of what: some of its environment was lost on the way here.
 *
 * To run it as a job of its own would be worse than to refuse: every rank would read the packages, and MPI inside
 * Python would find the launcher, or would not.
 */
import { PythonMpiError } from '../../errors.ts';
import type { Method } from '../launcher.ts';

/** Variables that launchers give to ranks and nobody else, and what no launcher leaves out beside them. */
const RANKS: readonly [variable: string, partner: string][] = [
  ['PMI_RANK', 'PMI_FD with PMI_SIZE'],
  ['PMI_ID', 'PMI_PORT'],
  ['OMPI_COMM_WORLD_RANK', 'PMIx server of version 4 or later'],
  ['PMIX_RANK', 'PMIx server of version 4 or later'],
  ['PALS_RANKID', 'PALS_APINFO'],
  ['ALPS_APP_PE', 'ALPS_APP_ID'],
  ['FLUX_TASK_RANK', 'FLUX_JOB_SIZE with FLUX_JOB_ID'],
  ['JSM_NAMESPACE_RANK', 'JSM_NAMESPACE_SIZE with PMIX_NAMESPACE'],
  ['MV2_COMM_WORLD_RANK', 'MPISPAWN_MPIRUN_HOST with MPISPAWN_MPIRUN_ID'],
];

export const stray: Method = {
  name: 'stray',

  claims(env) {
    const found = RANKS.find(([variable]) => env[variable] !== undefined);
    return found && `${found[0]}=${env[found[0]]} and no ${found[1]}`;
  },

  async open({ env }) {
    throw new PythonMpiError(
      'LAUNCHER',
      `this is a rank without its launcher: there is ${this.claims(env, () => {}) ?? 'no rank'}`,
      {
        hint:
          'start python-mpi through the launcher itself, with the environment it sets, ' +
          'or set PYTHON_MPI_LAUNCHER=single to run every rank by itself',
      },
    );
  },
};

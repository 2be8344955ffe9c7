/**
 * A process that is told that it is a rank, and not of what: some of its environment was lost on
 * the way here.
 *
 * To run it as a job of its own would be worse than to refuse: every rank would read the packages,
 * and MPI inside Python would find the launcher, or would not.
 */
import { PythonMpiError } from '../../errors.ts';
import type { Method } from '../launcher.ts';
import { RANK_VARIABLES } from '../rank-variables.ts';

export const incomplete: Method = {
  name: 'incomplete',

  claims(env) {
    const found = RANK_VARIABLES.find(
      ({ name, partner }) => partner !== undefined && env[name] !== undefined,
    );
    return found && `${found.name}=${env[found.name]} and no ${found.partner}`;
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

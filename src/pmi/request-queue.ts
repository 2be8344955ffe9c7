/**
 * One exchange at a time with a launcher that takes no second request before it has answered the
 * first.
 */
import { asPythonMpiError, PythonMpiError } from '../errors.ts';

const HINT =
  'start the job again; if it recurs, the launcher and python-mpi disagree: see PYTHON_MPI_VERBOSE=1';

/**
 * Runs exchanges in the order they are asked for. After the first failure every later one fails
 * with the same error: a reply that came late would be taken for another's. Only what fails as
 * INTERNAL was never sent and breaks nothing.
 */
export class RequestQueue {
  #last: Promise<unknown> = Promise.resolve();
  #broken: PythonMpiError | undefined;

  /** @throws PythonMpiError as the exchange does; LAUNCHER for an error of the system */
  take<T>(exchange: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      if (this.#broken) throw this.#broken;
      try {
        return await exchange();
      } catch (error) {
        const failure = describe(error);
        if (failure.code !== 'INTERNAL') this.#broken = failure;
        throw failure;
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

/** A launcher that did not keep to its protocol: "the launcher ..." */
export function misbehaved(how: string): PythonMpiError {
  return new PythonMpiError('LAUNCHER', `the launcher ${how}`, { hint: HINT });
}

/** An error of a codec or the system as one a user can act on. */
function describe(error: unknown): PythonMpiError {
  if (!(error instanceof PythonMpiError)) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) return asPythonMpiError(error);
    return new PythonMpiError('LAUNCHER', `lost the launcher's connection (${code})`, {
      hint: HINT,
      cause: error,
    });
  }
  if (error.hint !== undefined || error.code === 'INTERNAL') return error;
  const hint = error.code === 'TIMEOUT' ? 'check that every rank of the job started' : HINT;
  return new PythonMpiError(error.code, error.message, { hint, cause: error });
}

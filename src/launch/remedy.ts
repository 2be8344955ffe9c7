/**
 * What to try when a node-local directory is of no use. What fails there does not know how the user
 * chose the directory; the program that was given it does.
 */
import { asPythonMpiError, type ErrorCode, PythonMpiError } from '../errors.ts';

/** A hint for each error that another directory may help against. */
export type Remedy = Partial<Record<ErrorCode, string>>;

/** For a directory that was chosen as PYTHON_MPI_CHROOT. */
export const CHOOSE_CHROOT: Remedy = {
  NO_SPACE:
    'free some memory or inodes there or set PYTHON_MPI_CHROOT to a larger node-local directory',
  CHROOT_UNUSABLE: 'set PYTHON_MPI_CHROOT to a node-local directory you may write to',
};

/** For the destination of a copy. */
export const CHOOSE_DEST: Remedy = {
  NO_SPACE: 'free some space there or choose another DEST, local to the node',
  CHROOT_UNUSABLE: 'choose another DEST, local to the node, that you may write to',
};

/**
 * The error with the remedy as its hint, unless it has a better one; and with the host, unless it
 * names one.
 */
export function remedied(thrown: unknown, remedy: Remedy, host: string): PythonMpiError {
  const error = asPythonMpiError(thrown);
  const { code, message, hint = remedy[code] } = error;
  return new PythonMpiError(code, message, { host: error.host ?? host, hint, cause: error });
}

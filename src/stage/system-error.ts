/**
 * What the kernel says about the node-local file system, as errors for the user.
 */
import { PythonMpiError } from '../errors.ts';

function errnoOf(thrown: unknown): string | undefined {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Whether a system call failed with this errno. */
export function isErrno(thrown: unknown, errno: string): boolean {
  return errnoOf(thrown) === errno;
}

/**
 * The error a user should see for a failed system call on the chroot.
 * @param doing what was tried, as "cannot <doing>"
 * @returns NO_SPACE, CHROOT_UNUSABLE or SYSTEM, without a hint where another directory may help:
 *   how this one was chosen the caller knows; a PythonMpiError comes back as it is
 */
export function chrootError(thrown: unknown, doing: string): PythonMpiError {
  if (thrown instanceof PythonMpiError) return thrown;
  const errno = errnoOf(thrown);
  const message = `cannot ${doing}: ${errno ?? (thrown instanceof Error ? thrown.message : thrown)}`;
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new PythonMpiError('NO_SPACE', message, {
        cause: thrown,
      });
    case 'EFBIG':
      return new PythonMpiError('NO_SPACE', message, {
        hint: 'raise the limit on the size of files (ulimit -f)',
        cause: thrown,
      });
    case 'EMFILE':
      return new PythonMpiError('SYSTEM', message, {
        hint: 'raise the limit on open files (ulimit -n)',
        cause: thrown,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
      return new PythonMpiError('CHROOT_UNUSABLE', message, {
        cause: thrown,
      });
    default:
      return new PythonMpiError('SYSTEM', message, { cause: thrown });
  }
}

/**
 * Whether programs can run from where the node-local directory is mounted.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { PythonMpiError } from '../errors.ts';
import { type Mount, mountOf, parseMountinfo } from './mounts.ts';

/**
 * @param directory that exists
 * @throws PythonMpiError CHROOT_UNUSABLE
 */
export function checkMount(directory: string): void {
  let mount: Mount;
  try {
    const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
    mount = mountOf(realpathSync(directory), mounts);
  } catch {
    return; // without /proc it is found out when the interpreter is started
  }
  if (mount.noexec !== true) return;
  throw new PythonMpiError(
    'CHROOT_UNUSABLE',
    `${directory} is mounted noexec (${mount.type} at ${mount.at}): neither programs nor modules in it can run`,
    { hint: 'set PYTHON_MPI_CHROOT to a node-local directory that is not' },
  );
}

/**
 * What an uncaught exception means in a job: the end of all of it, as MPI_Abort would.
 *
 * Without help, a rank that dies of an exception while mpi4py is loaded stops in MPI_Finalize and waits for
 * the others, which wait for it. A small sitecustomize in the prefix prevents that. It takes itself out of the
 * way, runs the sitecustomize it hides if there is one, and changes nothing for a script that ends well.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { chrootError } from './system-error.ts';

const DIRECTORY = '.python-mpi';

const SITECUSTOMIZE = `# Written by python-mpi. An exception that nobody catches on one rank ends the whole MPI job.
import atexit
import os
import sys


def _step_aside():
    """Leaves no trace on the path, and runs the sitecustomize that this one hides."""
    here = os.path.dirname(__file__)
    sys.path[:] = [entry for entry in sys.path if entry != here]
    rest = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry != here]
    if any(rest):
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    else:
        os.environ.pop("PYTHONPATH", None)
    this = sys.modules.pop(__name__)
    try:
        __import__(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
        sys.modules[__name__] = this


@atexit.register
def _abort_after_exception():
    died = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if died is None or sys.flags.interactive or hasattr(sys, "ps1"):
        return
    MPI = sys.modules.get("mpi4py.MPI")
    if MPI is None or not MPI.Is_initialized() or MPI.Is_finalized():
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    MPI.COMM_WORLD.Abort(1)


_step_aside()
`;

/** Directory of the hook in a prefix, to be the first of PYTHONPATH. */
export function hookDirectory(prefix: string): string {
  return join(prefix, DIRECTORY);
}

/**
 * Puts the hook into a tree that is about to be published. A package cannot bring its own.
 * @throws PythonMpiError UNSAFE_PACKAGE, CHROOT_UNUSABLE, NO_SPACE
 */
export function installHook(prefix: string): void {
  const directory = hookDirectory(prefix);
  try {
    if (!fs.lstatSync(directory, { throwIfNoEntry: false })) fs.mkdirSync(directory, 0o700);
    // A package may bring the directory, but nothing is written through a symlink.
    else if (!fs.lstatSync(directory).isDirectory()) {
      throw new PythonMpiError('UNSAFE_PACKAGE', `a package brings ${DIRECTORY} as no directory`);
    }
    const file = join(directory, 'sitecustomize.py');
    fs.rmSync(file, { recursive: true, force: true });
    fs.writeFileSync(file, SITECUSTOMIZE, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw chrootError(error, `make ${directory}`);
  }
}

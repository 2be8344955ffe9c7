/**
 * What an uncaught exception means in a job: the end of all of it, as MPI_Abort would.
 *
 * Without help, a rank that dies of an exception while mpi4py is loaded stops in MPI_Finalize and waits for
 * the others, which wait for it. And where the launcher lets the others run on, nobody ends the job at all. A small
 * sitecustomize in the prefix prevents both, and says which rank it was. It takes itself out of the way, runs the
 * sitecustomize it hides if there is one, and changes nothing for a script that ends well.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { chrootError } from './system-error.ts';

/** What is ours in a prefix lies here. */
export const HOOK_DIRECTORY = '.python-mpi';

/** Tells the hook which rank it is in. */
const RANK = 'PYTHON_MPI_RANK';
/** Tells the hook the command that ends the job, where the launcher has to be asked with one. */
const END_COMMAND = 'PYTHON_MPI_END_COMMAND';

/**
 * What the hook needs to find in Python's environment; it takes it out.
 * @param endCommand command line without quotes that ends all ranks; this one may be among them
 */
export function hookEnvironment(rank: number, endCommand: string | undefined): NodeJS.ProcessEnv {
  return { [RANK]: String(rank), [END_COMMAND]: endCommand };
}

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


_rank = os.environ.pop("${RANK}", None)
_end_command = os.environ.pop("${END_COMMAND}", None)


def _end_job():
    """Has all ranks told to end. This one ends by itself, with its own status. Returns whether that works."""
    import signal
    import subprocess

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # The command is the system's, and must not find libraries of the packages.
    env = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    try:
        subprocess.run(_end_command.split(), env=env, stdin=subprocess.DEVNULL, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        os.write(2, f"python-mpi: cannot end the job ({error})\\n".encode())
        return False
    return True


def _drain():
    """Waits until the launcher has read what this rank wrote: when a job is aborted, the rest may be lost."""
    import fcntl
    import struct
    import termios
    import time

    end = time.monotonic() + 2
    for descriptor in (1, 2):
        try:
            while struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0] > 0:
                if time.monotonic() > end:
                    return
                time.sleep(0.005)
        except OSError:
            pass  # no pipe, so nothing waits in it


@atexit.register
def _end_job_after_exception():
    died = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if died is None or sys.flags.interactive or hasattr(sys, "ps1"):
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    if _rank is not None:
        what = type(died).__name__
        os.write(2, f"python-mpi: rank {_rank} on {os.uname().nodename} ended with {what}\\n".encode())
    _drain()
    MPI = sys.modules.get("mpi4py.MPI")
    has_mpi = MPI is not None and MPI.Is_initialized() and not MPI.Is_finalized()
    if _end_command is not None and _end_job():
        # An abort would kill those who are cleaning up, and MPI_Finalize wait for those who have ended.
        os._exit(1)
    if has_mpi:
        MPI.COMM_WORLD.Abort(1)


_step_aside()
`;

/** Directory of the hook in a prefix, to be the first of PYTHONPATH. */
export function hookDirectory(prefix: string): string {
  return join(prefix, HOOK_DIRECTORY);
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
      throw new PythonMpiError(
        'UNSAFE_PACKAGE',
        `a package brings ${HOOK_DIRECTORY} as no directory`,
      );
    }
    const file = join(directory, 'sitecustomize.py');
    fs.rmSync(file, { recursive: true, force: true });
    fs.writeFileSync(file, SITECUSTOMIZE, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw chrootError(error, `make ${directory}`);
  }
}

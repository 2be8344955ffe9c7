"""What an uncaught exception of a rank's main program means in a job: the end of all of it.

Without it, a rank that dies of an exception while mpi4py is loaded stops in MPI_Finalize and waits
for the others, which wait for it; and where the launcher lets the others run on, the job does not
end. Nothing changes for a program that ends well or by itself.
"""

import _thread
import atexit
import os
import sys


class AbortHook:
    """For this process alone, which is a rank: none of its children has a hook."""

    def __init__(self, rank, end_command):
        """The rank and of how many it is one are given as "3 of 16"."""
        self.rank, self.size = rank.split(" of ")
        self.end_command = end_command
        self.process = os.getpid()
        self.main_thread = _thread.get_ident()
        self.exception = None

    def arm(self):
        atexit.register(self.at_exit)
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self.audit)
            return
        # Python 3.7 and before.
        show = sys.excepthook

        def excepthook(*exception):
            self.note(exception[0], sys._getframe())
            show(*exception)

        sys.excepthook = excepthook

    def audit(self, event, args):
        # The interpreter is about to show an exception. Programs that call sys.excepthook, or leave
        # sys.last_exc behind, raise no such event.
        if event == "sys.excepthook":
            self.note(args[1], sys._getframe())

    def note(self, kind, frame):
        """Takes note if nothing of the main program is left to run.

        There is something left below the frame of a callback from C, and in other threads.
        """
        is_main = os.getpid() == self.process and _thread.get_ident() == self.main_thread
        if is_main and frame.f_back is None and not goes_on():
            self.exception = kind

    def at_exit(self):
        if os.getpid() != self.process:
            return
        MPI = sys.modules.get("mpi4py.MPI")
        has_mpi = MPI is not None and MPI.Is_initialized() and not MPI.Is_finalized()
        if self.exception is None or goes_on():
            if has_mpi:
                self.compare(MPI)
            return
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # there is no better place to say it
        say(f"rank {self.rank} on {os.uname().nodename} ended with {self.exception.__name__}")
        drain()
        if self.end_command is not None and self.end_job():
            # An abort would kill ranks that are cleaning up, and MPI_Finalize wait for those that
            # have ended.
            os._exit(1)
        if has_mpi:
            MPI.COMM_WORLD.Abort(1)

    def compare(self, MPI):
        """An MPI that does not speak this launcher's language believes that it is alone."""
        if self.rank != "0" or self.size == "1" or MPI.COMM_WORLD.Get_size() != 1:
            return
        if MPI.Comm.Get_parent() != MPI.COMM_NULL:
            return
        library = MPI.Get_library_version().split("\n")[0].strip("\0 ,")
        say(
            f"warning: each of {self.size} ranks was alone in its MPI ({library}), which does not "
            "understand this launcher; use the mpi4py that belongs to it"
        )

    def end_job(self):
        """Has all ranks told to end; this one ends by itself. Returns whether that works."""
        import signal
        import subprocess

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        words = self.end_command.split()
        try:
            subprocess.run(words, stdin=subprocess.DEVNULL, timeout=30, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            say(f"cannot end the job ({error})")
            return False
        return True


def goes_on():
    """Whether the user is asked for more after an exception."""
    flags = sys.flags
    if flags.interactive or hasattr(sys, "ps1"):
        return True
    # By the variable, which the program may set, only at a terminal.
    asked = os.environ.get("PYTHONINSPECT") and not flags.ignore_environment
    return bool(flags.inspect or asked) and os.isatty(0)


def say(text):
    try:
        os.write(2, f"python-mpi: {text}\n".encode(errors="replace"))
    except OSError:
        pass  # the reader has gone


def drain():
    """Waits until the launcher has read everything: of an aborted job the rest may be lost."""
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

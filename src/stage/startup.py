"""Runs at the start of each Python of a staged prefix, before the user's program. Named by a .pth.

Completes what Python does not find by itself, and takes out of the environment what was set for
this interpreter alone, so that programs that it starts see what the user has set. Must stay cheap:
all ranks run it, and so do their children of the same interpreter.
"""

import os
import site
import sys

_started = []


def start(prefix, sites, behind, libraries):
    """Called once per interpreter.

    sites and behind are directories of modules, of which the first go before those of the user;
    libraries are those in which modules of the prefix look for shared libraries by no other means.
    """
    # A virtual environment's .pth files are processed twice.
    if _started:
        return
    _started.append(prefix)
    _hide(libraries)
    _look_below(prefix)
    _add(sites, behind)
    rank = os.environ.pop("PYTHON_MPI_RANK", None)
    end_command = os.environ.pop("PYTHON_MPI_END_COMMAND", None)
    process = os.environ.pop("PYTHON_MPI_PROCESS", None)
    # Not in a child of a rank whose Python ran no .pth and so left the variables.
    if rank and process in (f"self {os.getpid()}", f"parent {os.getppid()}"):
        import _python_mpi_abort

        _python_mpi_abort.AbortHook(rank, end_command).arm()


def _hide(libraries):
    """Other programs must not find the libraries of the prefix.

    The loader has read the variable when it started this process. Where it was not set then,
    because a program of the user's started this interpreter, it starts again.
    """
    own = ":".join(libraries)
    value = os.environ.get("LD_LIBRARY_PATH", "")
    if not own:
        return
    if value == own:
        del os.environ["LD_LIBRARY_PATH"]
    elif value.startswith(own + ":"):
        os.environ["LD_LIBRARY_PATH"] = value[len(own) + 1 :]
    else:
        os.environ["LD_LIBRARY_PATH"] = own + ":" + value if value else own
        with open("/proc/self/cmdline", "rb") as line:
            words = line.read().split(b"\0")[:-1]
        os.execve(sys.executable, words, os.environ)


def _look_below(prefix):
    """What would be the user's own is below the prefix: nothing is looked up in HOME."""
    threads = "t" if "t" in getattr(sys, "abiflags", "") else ""
    series = f"python{sys.version_info[0]}.{sys.version_info[1]}{threads}"
    site.USER_BASE = prefix
    site.USER_SITE = os.path.join(prefix, "lib", series, "site-packages")
    site.ENABLE_USER_SITE = False


def _add(sites, behind):
    found = {*sys.path, *site.getsitepackages([sys.prefix, sys.exec_prefix])}
    before = list(sys.path)
    for directory in sites:
        if directory not in found:
            site.addsitedir(directory)
    if os.environ.get("PYTHONPATH") and not sys.flags.ignore_environment:
        # What is staged is there to be used instead of what the user keeps elsewhere.
        sys.path[:] = [entry for entry in sys.path if entry not in before] + before
    for directory in behind:
        if directory not in sys.path:
            site.addsitedir(directory)

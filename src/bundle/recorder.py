"""Writes down every file that a traced Python uses, a path a line, in the file `used` beside it.

It runs as sitecustomize, in every process of the run. A file is written down when it is first used,
since processes may end without notice. A sitecustomize that this one hides runs afterwards.
"""

import atexit
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
_log = os.open(os.path.join(_here, "used"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
_seen = set()


def _note(file):
    if isinstance(file, str) and file not in _seen:
        _seen.add(file)
        try:
            os.write(_log, os.fsencode(os.path.abspath(file)) + b"\n")
        except OSError:
            pass  # the program may have closed the descriptor


def _hook(event, args):
    if event == "open":
        _note(args[0])
    elif event == "import":
        _note(args[1])


def _loaded():
    """Modules without an audit event, and libraries, which the linker loads."""
    for module in list(sys.modules.values()):
        _note(getattr(module, "__file__", None))
    with open("/proc/self/maps") as maps:
        for line in maps:
            if "/" in line:
                _note(line[line.index("/") :].rstrip("\n"))


sys.addaudithook(_hook)
atexit.register(_loaded)
_loaded()

sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _here]
del sys.modules["sitecustomize"]
try:
    import sitecustomize  # noqa: F401
except ImportError:
    pass  # there is none

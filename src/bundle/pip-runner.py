"""Runs the pip that lies in a directory for the Python that this runs in, in which it need not be.

Of that directory pip alone is visible: what else lies there must not pass for installed. So do pips
since 22.3 with `--python`; this way older ones can, too. Arguments: the directory, then pip's own.
"""

import runpy
import sys
from importlib.machinery import PathFinder

_place = sys.argv[1]
sys.argv = ["pip", *sys.argv[2:]]
sys.path[:] = [entry for entry in sys.path if entry]  # not the current directory


class _OnlyPip:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return PathFinder.find_spec(name, [_place], target) if name == "pip" else None


sys.meta_path.insert(0, _OnlyPip)
runpy.run_module("pip", run_name="__main__", alter_sys=True)

"""Prints what a Python says about itself: the fields of interpreter.ts, each ended by a NUL.

Run with -S, and with as few modules as possible: a node's ranks wait for it.
"""

import _imp
import os
import site
import sys


def environment_of(executable):
    """The virtual environment that an executable belongs to, and its settings."""
    directory = os.path.dirname(executable)
    for place in (directory, os.path.dirname(directory)):
        try:
            with open(os.path.join(place, "pyvenv.cfg"), encoding="utf-8") as lines:
                pairs = [line.partition("=") for line in lines]
        except OSError:
            continue
        return place, {name.strip().lower(): value.strip() for name, _, value in pairs}
    return "", {}


def base_of(executable, settings):
    """The interpreter itself: in a virtual environment that may be a copy of it."""
    real = os.path.realpath(executable)
    original = os.path.join(settings.get("home", ""), os.path.basename(real))
    return os.path.realpath(original) if os.path.isfile(original) else real


threads = "t" if "t" in getattr(sys, "abiflags", "") else ""
version = ".".join(map(str, sys.version_info[:3]))
series = f"{sys.version_info[0]}.{sys.version_info[1]}{threads}"
venv, settings = environment_of(sys.executable)
alone = settings.get("include-system-site-packages", "false").lower() != "true"
answer = [
    version,
    series,
    sys.executable,
    base_of(sys.executable, settings),
    os.path.dirname(os.__file__),
    sys.exec_prefix,
    _imp.extension_suffixes()[0],
    venv,
    "alone" if venv and alone else "",
    *site.getsitepackages(),
]
os.write(1, b"".join(os.fsencode(field) + b"\0" for field in answer))

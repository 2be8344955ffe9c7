"""Imports modules that were left out of this package, since the traced run did not use them."""

import os
import sys

# Not importlib.machinery, which may itself be among what was left out.
from _frozen_importlib_external import PathFinder

# A module left out, as a path relative to the prefix and without its suffix: the directory that it
# can still be imported from. The package's own copy has its table here.
PLACES = {}
PREFIX = os.path.abspath(__file__).rsplit("/", 4)[0] + "/"


class Fallback:
    """Finds what was left out where it was. An import of anything else costs a look-up here."""

    told = False

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        tail = "/" + name.rpartition(".")[2]
        for entry in sys.path if path is None else path:
            place = PLACES.get(entry[len(PREFIX) :] + tail) if entry.startswith(PREFIX) else None
            if place is None:
                continue
            here = PathFinder.find_spec(name, path, target)
            if here is not None and here.loader is not None and here.origin is not None:
                return here
            spec = PathFinder.find_spec(name, [place], target)
            if spec is not None and not cls.told:
                cls.told = True
                sys.stderr.write(
                    f"python-mpi: {name} was left out of the package by --trace;"
                    f" using {spec.origin}, and others likewise without further notice\n"
                )
            return spec
        return None


# Before the ordinary finder, which would take a directory without __init__.py for a namespace
# package.
sys.meta_path.insert(0, Fallback)

/**
 * The Python module that a traced package carries: imports what was left out from where it came from, and says so once.
 *
 * It knows every module that was left out, so that an import of anything else costs a dictionary look-up and never
 * touches the original file system.
 */

export const FALLBACK_MODULE = '_python_mpi_fallback';

/** @param places module as a path relative to the prefix -> the directory in which to look for it */
export function fallbackSource(places: ReadonlyMap<string, string>): string {
  const table = [...places].map(
    ([module, directory]) => `    ${JSON.stringify(module)}: ${JSON.stringify(directory)},\n`,
  );
  return `"""Modules that were left out of this package, since the traced run did not use them."""
import os
import sys
# Not importlib.machinery, which may itself be among what was left out.
from _frozen_importlib_external import PathFinder

# Relative to the prefix, as a path without suffix: the directory it can still be imported from.
PLACES = {
${table.join('')}}
PREFIX = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))) + '/'


class Fallback:
    told = False

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        tail = '/' + name.rpartition('.')[2]
        for entry in sys.path if path is None else path:
            place = PLACES.get(entry[len(PREFIX):] + tail) if entry.startswith(PREFIX) else None
            if place is None:
                continue
            here = PathFinder.find_spec(name, path, target)
            if here is not None and here.loader is not None and here.origin is not None:
                return here
            spec = PathFinder.find_spec(name, [place], target)
            if spec is not None and not cls.told:
                cls.told = True
                sys.stderr.write('python-mpi: %s was left out of the package by --trace; using %s, and others'
                                 ' likewise without further notice\\n' % (name, spec.origin))
            return spec
        return None


# Before the ordinary finder, which would take a directory without __init__.py for a namespace package.
sys.meta_path.insert(0, Fallback)
`;
}

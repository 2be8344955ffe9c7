/**
 * The Python module that a traced package carries (fallback.py), with its table: it imports what
 * was left out from where it came from, and says so once.
 */
import PROGRAM from './fallback.py.ts';

export const FALLBACK_MODULE = '_python_mpi_fallback';

/**
 * @param places module as a path relative to the prefix -> the directory in which to look for it
 */
export function fallbackSource(places: ReadonlyMap<string, string>): string {
  const table = [...places].map(
    ([module, directory]) => `    ${JSON.stringify(module)}: ${JSON.stringify(directory)},\n`,
  );
  return PROGRAM.replace('PLACES = {}', () => `PLACES = {\n${table.join('')}}`);
}

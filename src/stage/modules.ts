/**
 * Whether what the packages bring can be used by the interpreter that will run: told by names, as
 * Python does.
 */
import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { entriesOf, filesBelow, pythonDirectories } from './entries.ts';
import type { Interpreter } from './interpreter.ts';

/** A directory of packages, and the Python whose it is by its name. */
export interface Site {
  site: string;
  /** `3.11`, or `3` for one that any Python 3 may use. */
  series: string;
}

/**
 * The directories that an interpreter should look into.
 * @param found all there are
 * @returns their paths; and a word of warning where they are another version's
 * @throws PythonMpiError NO_INTERPRETER when their compiled modules are for another version or
 *   machine
 */
export function chooseSites(
  found: readonly Site[],
  {
    series,
    suffix,
    version,
    executable,
  }: Pick<Interpreter, 'series' | 'suffix' | 'version' | 'executable'>,
): { sites: string[]; warning: string | undefined } {
  const fitting = found.filter(site => site.series === series || site.series === '3');
  const foreign = found.filter(site => !fitting.includes(site));
  const usable = foreign.length === 0 || fitting.some(site => site.series === series);
  const chosen = usable ? fitting : [...fitting, ...foreign];
  for (const { site } of chosen) {
    const other = foreignModule(site, suffix);
    if (other === undefined) continue;
    const name = `${basename(dirname(site))}/${basename(site)}`;
    throw new PythonMpiError(
      'NO_INTERPRETER',
      `${name} of the packages has modules for another Python or machine (${basename(other)}) than ` +
        `${executable}, which is Python ${version} and loads *${suffix}`,
      {
        hint: 'add a package with the Python that they are for, or name it with PYTHON_MPI_PYTHON',
      },
    );
  }
  const [first] = foreign;
  const warning =
    usable || first === undefined
      ? undefined
      : `packages for Python ${first.series} are used by ${executable}, which is Python ${version}`;
  return { sites: chosen.map(({ site }) => site), warning };
}

/** A compiled module that says for which interpreter it is, where none below is for this one. */
function foreignModule(directory: string, suffix: string): string | undefined {
  let foreign: string | undefined;
  for (const path of filesBelow(directory)) {
    if (path.endsWith(suffix)) return undefined;
    if (/\.cpython-3\d+\w*-[^/]*\.so$/.test(path)) foreign ??= path;
  }
  return foreign;
}

/**
 * The directory below which all of a tree lies that is nothing by itself, but would be a prefix if
 * it were there.
 */
export function isOneTopDirectory(tree: string): string | undefined {
  const isPrefix = (path: string) =>
    pythonDirectories(path).length > 0 ||
    entriesOf(join(path, 'bin'), /^python3?$/).length > 0 ||
    entriesOf(path, /^site-packages$/).length > 0;
  if (isPrefix(tree)) return undefined;
  const real = fs.realpathSync(tree);
  return entriesOf(tree, /^[^.]/).find(name => isPrefix(join(real, name)));
}

/**
 * The user's own packages, as `pip install --user` leaves them.
 *
 * A user base (~/.local) is shared with everything else that lives there, so besides site-packages
 * only those files are taken that an installed package lists as its own in RECORD.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import { exists, originsOf, readable } from './disk.ts';
import { resolveEditables } from './editable.ts';
import { askInterpreter } from './interpreter.ts';
import { type Collection, labelOf, pythonOf } from './source.ts';
import type { Layer } from './tree.ts';
import { walk } from './walk.ts';

/** Adds the user base of the collection's Python (PYTHONUSERBASE, else ~/.local). */
export async function addUserBase(collection: Collection): Promise<void> {
  const interpreter = await askInterpreter(pythonOf(collection), collection.context);
  collection.interpreters.push(interpreter);
  const site = `lib/python${interpreter.series}/site-packages`;
  const directory = join(interpreter.userBase, site);
  if (!(await exists(directory))) {
    throw new PythonMpiError(
      'NO_PACKAGE',
      `the user base has no packages for Python ${interpreter.series}: no ${directory}`,
    );
  }
  const origins = await originsOf(interpreter.userBase, '');
  const root = origins.at(-1)!.from;
  const layer: Layer = { label: labelOf({ kind: 'user-base' }), origins };
  collection.layers.push(layer);
  collection.programs.push(join(root, 'bin'));
  const options = { ...collection, layer, taken: origins };
  await walk(join(root, site), site, options);
  for (const path of await recorded(join(root, site), site)) {
    if (await exists(join(root, path))) await walk(join(root, path), path, options);
  }
  await resolveEditables(layer, collection);
}

/** Files outside site-packages that installed distributions own, relative to the user base. */
async function recorded(directory: string, site: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readable(directory, readdir(directory))) {
    if (!name.endsWith('.dist-info')) continue;
    const record = await readFile(join(directory, name, 'RECORD'), 'utf8').catch(() => '');
    for (const line of record.split('\n')) {
      // path,hash,size with the path quoted when it holds a comma
      const quoted = /^"((?:[^"]|"")*)"/.exec(line)?.[1]?.replaceAll('""', '"');
      const listed = quoted ?? line.split(',', 1)[0]!;
      const path = join(site, listed);
      // What lies above the user base belongs to no package, and byte code is made anew.
      const foreign = path.startsWith('../') || path.includes('__pycache__/');
      if (listed.startsWith('../') && !foreign) found.push(path);
    }
  }
  return found;
}

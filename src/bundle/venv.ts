/**
 * A virtual environment, as venv, virtualenv or uv make it.
 *
 * Its packages, scripts and data are taken; what makes it an environment of another Python on this
 * machine (`pyvenv.cfg`, links to the interpreter, activation scripts) is not: on the node the
 * prefix itself is the environment. Nor is `pip.conf`, in which passwords may stand.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import { checkDirectory, originsOf } from './disk.ts';
import { resolveEditables } from './editable.ts';
import { askInterpreter } from './interpreter.ts';
import { addBase } from './prefix.ts';
import type { Collection } from './source.ts';
import type { Layer } from './tree.ts';
import { walk } from './walk.ts';

/** Paths of an environment that only make it one. */
const PROGRAMS = 'python[\\d.]*|pypy[\\d.]*|[aA]ctivate[^/]*|deactivate[^/]*|pydoc\\.bat';
const SCAFFOLDING = new RegExp(
  `^(?:pyvenv\\.cfg|pip\\.conf|lib64|\\.gitignore|\\.lock|CACHEDIR\\.TAG|bin/(?:${PROGRAMS}))$`,
);

/**
 * Adds the environment in `directory`.
 * @param label what the user called it
 * @throws PythonMpiError NO_PACKAGE when it is no virtual environment
 */
export async function addVenv(
  directory: string,
  label: string,
  collection: Collection,
): Promise<void> {
  const { context, withBase } = collection;
  await checkDirectory(directory);
  const configuration = await readFile(join(directory, 'pyvenv.cfg'), 'utf8').catch(() => {
    throw new PythonMpiError(
      'NO_PACKAGE',
      `${directory} is no virtual environment: it has no pyvenv.cfg`,
      {
        hint: 'use --prefix for an installed Python, --dir for plain files',
      },
    );
  });
  const origins = await originsOf(directory, '');
  const root = origins.at(-1)!.from;
  const interpreter = await askInterpreter(join(root, 'bin/python'), context);
  collection.interpreters.push(interpreter);
  collection.programs.push(join(root, 'bin'));

  const usesSystem = /^include-system-site-packages\s*=\s*true/im.test(configuration);
  if (withBase) await addBase(interpreter, usesSystem, collection);
  else if (usesSystem) {
    context.warn(
      `${label} also uses packages of ${interpreter.basePrefix}, ` +
        'which are not taken along without --with-base',
    );
  }
  const layer: Layer = { label, origins };
  collection.layers.push(layer);
  await walk(root, '', { ...collection, layer, taken: origins, omit: SCAFFOLDING });
  await resolveEditables(layer, collection);
}

/**
 * Packages named as pip requirements: installed into a throw-away environment, which is then taken
 * as one.
 *
 * pip, or uv where there is none, does what it does (index, wheels, local projects, build
 * isolation, the user's configuration); we only say where to.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import { checkCancelled } from './context.ts';
import { installerFor } from './installer.ts';
import { type Collection, pythonOf } from './source.ts';
import type { Entry } from './tree.ts';
import { addVenv } from './venv.ts';

/**
 * Installs `requirements` (pip's own arguments: names, versions, files, directories, `-r FILE`) and
 * adds the result.
 * @throws PythonMpiError NO_PACKAGE with its own message
 */
export async function addPip(
  requirements: readonly string[],
  label: string,
  collection: Collection,
): Promise<void> {
  const { context } = collection;
  const python = pythonOf(collection);
  const environment = join(context.scratch, 'pip');
  context.progress('installing with pip', 0, 1);
  // Made by venv, not by --prefix or --target, since distributions patch where those put things.
  const made = await context.run(python, ['-m', 'venv', '--without-pip', environment], {
    cwd: '/',
  });
  if (made.status !== 0)
    fail(`${python} cannot make a virtual environment`, made.stderr || made.stdout);
  const { name, command, env } = await installerFor(environment, python, context);
  const [file, ...args] = command;
  const installed = await context.run(file, [...args, ...requirements], { env });
  checkCancelled(context.signal);
  if (installed.status !== 0)
    fail(`${name} could not install what was asked for`, installed.stderr || installed.stdout);
  context.progress('installing with pip', 1, 1);
  await addVenv(environment, label, collection);
  await forgetInstallation(collection);
}

/** The installer's last words, which name what it could not do. */
function fail(what: string, output: string): never {
  const said = output
    .split('\n')
    .filter(line => /\S/.test(line) && !/^(?:WARNING|\[notice\])/.test(line.trim()))
    .slice(-6)
    .map(line => line.trim());
  throw new PythonMpiError('NO_PACKAGE', `${what}: ${said.join(' / ') || 'it gave no reason'}`);
}

/**
 * RECORD holds digests of the scripts as installed, in which the throw-away directory's name stood.
 * Scripts are relocated anyway, so their digests go, as the format allows.
 */
async function forgetInstallation({ tree, context }: Collection): Promise<void> {
  const ours = (entry: Entry) =>
    entry.kind === 'file' &&
    typeof entry.content === 'string' &&
    entry.content.startsWith(`${context.scratch}/`);
  for (const entry of tree.files()) {
    if (!ours(entry) || !entry.path.endsWith('.dist-info/RECORD')) continue;
    const record = await readFile(entry.content as string, 'utf8');
    const content = Buffer.from(record.replace(/^(\.\.\/[^,\n]*),[^,\n]*,\d*$/gm, '$1,,'));
    tree.put({ ...entry, content });
  }
}

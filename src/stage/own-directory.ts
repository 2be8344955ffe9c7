/**
 * The directory of a prefix in which things lie that are ours and no package's, and how files are
 * put into a tree of which packages have brought any part.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { chrootError } from './system-error.ts';

/** What is ours in a prefix lies here; bundles bring their manifests in it. */
export const OWN_DIRECTORY = '.python-mpi';

/**
 * Makes our directory in a tree that is about to be published, if a package has not.
 * @throws PythonMpiError UNSAFE_PACKAGE, CHROOT_UNUSABLE, NO_SPACE
 */
export function makeOwnDirectory(prefix: string): void {
  const directory = join(prefix, OWN_DIRECTORY);
  try {
    const found = fs.lstatSync(directory, { throwIfNoEntry: false });
    if (found === undefined) fs.mkdirSync(directory, 0o700);
    // Nothing is written through a symlink.
    else if (!found.isDirectory()) {
      throw new PythonMpiError(
        'UNSAFE_PACKAGE',
        `a package brings ${OWN_DIRECTORY} as no directory`,
      );
    }
  } catch (error) {
    throw chrootError(error, `make ${directory}`);
  }
}

/**
 * Writes a file of ours in place of what packages brought under its name. The directory is made if
 * need be, and must not lead out of the tree.
 * @throws PythonMpiError UNSAFE_PACKAGE, CHROOT_UNUSABLE, NO_SPACE
 */
export function writeOwn(prefix: string, name: string, text: string): void {
  const file = join(prefix, name);
  try {
    fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const [root, directory] = [fs.realpathSync(prefix), fs.realpathSync(dirname(file))];
    if (directory !== root && !directory.startsWith(`${root}/`))
      throw new PythonMpiError('UNSAFE_PACKAGE', `${dirname(name)} of a package leads outside`);
    fs.rmSync(file, { recursive: true, force: true });
    fs.writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw chrootError(error, `write ${file}`);
  }
}

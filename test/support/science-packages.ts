/**
 * The packages of a whole scientific environment, made by python-mpi-bundle as a user would make
 * them: the machine's Python and, from PyPI's wheels, matplotlib, mpi4py, numpy and scipy, one
 * package each.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, offline, PYTHON, scienceWheels } from '../bundle/support.ts';
import { scratch } from './scratch.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUNDLER = join(ROOT, 'bin/python-mpi-bundle');

/** Package -> its sources. `testing` is what numpy's own tests need besides. */
const SOURCES = {
  // Everything that pip says matplotlib needs, but for numpy, which is a package of its own.
  matplotlib: ['--pip', 'matplotlib', '--exclude', 'lib/python3.*/site-packages/numpy*'],
  mpi4py: ['--no-deps', '--pip', 'mpi4py'],
  numpy: ['--no-deps', '--pip', 'numpy'],
  python: ['--prefix', '/usr', '--exclude', 'lib/python3/dist-packages/*'],
  scipy: ['--no-deps', '--pip', 'scipy'],
  testing: ['--pip', 'pytest', 'hypothesis'],
};

/**
 * The directory that holds NAME.tar.gz of all {@link SOURCES}. Made once for each state of
 * python-mpi-bundle and of the wheels, below build/, so that what is tested is never what an older
 * bundler made.
 */
export function sciencePackages(): string {
  const wheels = scienceWheels();
  const key = createHash('sha256')
    .update(readFileSync(join(ROOT, 'dist/bin/python-mpi-bundle.cjs')))
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .update(readdirSync(wheels).sort().join())
    .digest('hex')
    .slice(0, 12);
  const directory = join(ROOT, 'build', `packages-${key}`);
  if (existsSync(directory)) return directory;

  for (const old of globSync(join(ROOT, 'build/packages-????????????')))
    rmSync(old, { recursive: true });
  const draft = mkdtempSync(`${directory}.`);
  const env = offline(wheels);
  for (const [name, sources] of Object.entries(SOURCES)) {
    const library = name === 'mpi4py' ? ['--dir', mpiLibrary(), '--at', 'lib'] : [];
    const output = ['-o', join(draft, `${name}.tar.gz`)];
    must(BUNDLER, [...output, '--python', PYTHON, ...library, ...sources], { env });
  }
  try {
    renameSync(draft, directory);
  } catch {
    rmSync(draft, { recursive: true }); // Another run was faster.
  }
  return directory;
}

/**
 * A directory with MPICH under the name by which PyPI's mpi4py looks for it, and Debian does not
 * install it.
 */
function mpiLibrary(): string {
  const [, mpich] = /libmpich\.so\.12 .*=> (\S+)/.exec(must('/sbin/ldconfig', ['-p'])) ?? [];
  if (mpich === undefined) throw new Error('no libmpich.so.12 here');
  const directory = scratch();
  symlinkSync(mpich, join(directory, 'libmpi.so.12'));
  return directory;
}

/**
 * What users give as packages that is none, and which command makes one of it.
 */
import { existsSync } from 'node:fs';
import { PythonMpiError } from '../errors.ts';

interface Kind {
  /** As the user calls it. */
  what: string;
  /** The name ends so. */
  name?: RegExp;
  /** Bytes that the file has, and where. */
  magic: string;
  at?: number;
  /** Makes a package of FILE. */
  command: (file: string) => string;
}

/** The first that fits counts. */
const KINDS: readonly Kind[] = [
  {
    what: 'a wheel',
    name: /\.whl$/,
    magic: 'PK',
    command: file => `python-mpi-bundle -o PACKAGE.tar.gz --pip ${file}`,
  },
  {
    what: 'a conda package',
    name: /\.conda$/,
    magic: 'PK',
    command: file =>
      `conda create -p ENV ${file} && python-mpi-bundle -o PACKAGE.tar.gz --prefix ENV`,
  },
  {
    what: 'a zip archive',
    magic: 'PK',
    command: file => `unzip -d TREE ${file} && tar -czf PACKAGE.tar.gz -C TREE .`,
  },
  {
    what: 'compressed with bzip2',
    magic: 'BZh',
    command: file => `bzip2 -dc ${file} | gzip >PACKAGE.tar.gz`,
  },
  {
    what: 'compressed with xz',
    magic: '\xfd7zXZ\0',
    command: file => `xz -dc ${file} | gzip >PACKAGE.tar.gz`,
  },
  {
    what: 'compressed with lzip, lzma or compress',
    name: /\.(tar\.(lz|lzma|Z)|tlz|taz)$/,
    magic: '',
    command: file => `tar -xf ${file} -C TREE && tar -czf PACKAGE.tar.gz -C TREE .`,
  },
  {
    what: 'compressed with lz4',
    magic: '\x04\x22\x4d\x18',
    command: file => `lz4 -dc ${file} | gzip >PACKAGE.tar.gz`,
  },
  {
    what: 'a container image (SIF)',
    magic: 'SIF_MAGIC',
    at: 32,
    command: file =>
      `apptainer build --sandbox TREE ${file} && python-mpi-bundle -o PACKAGE.tar.gz --prefix TREE/usr`,
  },
  {
    what: 'a squashfs image',
    magic: 'hsqs',
    command: file =>
      `unsquashfs -d TREE ${file} && python-mpi-bundle -o PACKAGE.tar.gz --prefix TREE`,
  },
];

/**
 * The error for a file that is no tar archive.
 * @param head its first bytes
 */
export function notAPackage(name: string, head: Buffer): PythonMpiError {
  const kind = KINDS.find(
    ({ magic, at = 0, name: pattern }) =>
      head.toString('latin1', at, at + magic.length) === magic && (pattern?.test(name) ?? true),
  );
  const message =
    kind === undefined
      ? `package ${name} is no tar archive`
      : `package ${name} is no tar archive: it is ${kind.what}`;
  return new PythonMpiError('CORRUPT_PACKAGE', message, {
    hint:
      kind === undefined
        ? 'packages are .tar, .tar.gz or .tar.zst files, as python-mpi-bundle makes them'
        : `this makes a package of it: ${kind.command(name)}`,
  });
}

/**
 * The error for what is no file at all.
 * @param path absolute
 */
export function noFile(name: string, path: string): PythonMpiError {
  const has = (file: string) => existsSync(`${path}/${file}`);
  const source =
    (has('pyvenv.cfg') && '--venv') ||
    (has('bin/python3') && '--prefix') ||
    (has('lib') && '--prefix');
  const hint = has('.')
    ? `this makes a package of it: python-mpi-bundle -o PACKAGE.tar.gz ${source || '--dir'} ${name}`
    : 'pack it with python-mpi-bundle';
  return new PythonMpiError(
    'PACKAGE_UNREADABLE',
    has('.') ? `package ${name} is a directory, not a file` : `package ${name} is not a file`,
    { hint },
  );
}

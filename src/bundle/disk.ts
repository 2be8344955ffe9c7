/**
 * Questions to this machine's file system, with answers that name the file.
 */
import { access, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import { nameOf, onDisk } from './filename.ts';
import type { Origin } from './tree.ts';

/** Both names of a directory, as given and resolved: files may hold either. */
export async function originsOf(directory: string, at: string): Promise<Origin[]> {
  const given = resolve(directory);
  const real = await readable(given, realPath(given));
  return given === real
    ? [{ from: real, at }]
    : [
        { from: given, at },
        { from: real, at },
      ];
}

/** A path with its links resolved. @throws the system's error */
export async function realPath(path: string): Promise<string> {
  return nameOf(await realpath(onDisk(path), { encoding: 'buffer' }));
}

/** What a symbolic link says. @throws the system's error */
export async function linkAt(path: string): Promise<string> {
  return nameOf(await readlink(onDisk(path), { encoding: 'buffer' }));
}

/** The names in a directory. @throws the system's error */
export async function namesIn(path: string): Promise<string[]> {
  return (await readdir(onDisk(path), { encoding: 'buffer' })).map(nameOf);
}

/** A file's content. @throws the system's error */
export function contentOf(path: string): Promise<Buffer> {
  return readFile(onDisk(path));
}

/**
 * Whether a source that the user named is a directory.
 * @throws PythonMpiError PACKAGE_UNREADABLE when nothing is there, USAGE when it is something else
 */
export async function checkDirectory(given: string): Promise<void> {
  const path = resolve(given);
  if ((await readable(path, stat(path))).isDirectory()) return;
  throw new PythonMpiError('USAGE', `${given} is no directory`, {
    hint: 'name the directory that holds it',
  });
}

/** Waits for an operation on `path`, naming it when it fails. */
export async function readable<T>(path: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES'
          ? 'may not be read'
          : `gives ${code}`;
    throw new PythonMpiError('PACKAGE_UNREADABLE', `${path} ${reason}`, { cause: error });
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(onDisk(path)).then(
    () => true,
    () => false,
  );
}

export async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

export async function isDirectory(path: string): Promise<boolean> {
  return stat(onDisk(path)).then(
    info => info.isDirectory(),
    () => false,
  );
}

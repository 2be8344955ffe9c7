/**
 * A cache of the digests of packages: what the root found when it hashed them is kept in the prefix
 * that was made of them, so that the next run with the same files need not read them again to know
 * that every node holds them.
 *
 * A file is the same if it has the same path, inode, size and times; only the superuser can set a
 * ctime. One that changed just before it was read could change again within the same tick of its
 * file system's clock, so it is not cached. Should a digest be wrong all the same, nothing wrong is
 * unpacked: nodes check what arrives.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { OWN_DIRECTORY } from './own-directory.ts';
import type { PackageSpec } from './package.ts';
import { freshToken, UserDirectory } from './user-directory.ts';

/** One state of one file: absolute path, and numbers of stat(2), times in nanoseconds. */
export interface FileState {
  path: string;
  dev: string;
  ino: string;
  size: string;
  mtime: string;
  ctime: string;
}

/** What was found out about a file in this state. */
export interface CachedDigest {
  state: FileState;
  spec: Omit<PackageSpec, 'name'>;
}

/** How long a file must have been left alone before it is read, in nanoseconds. */
const SETTLED_NS = 2_000_000_000n;
const RECORD = 'packages.json';

export function stateOf(path: string, stat: fs.BigIntStats): FileState {
  const { dev, ino, size, mtimeNs, ctimeNs } = stat;
  const [mtime, ctime] = [String(mtimeNs), String(ctimeNs)];
  return { path, dev: String(dev), ino: String(ino), size: String(size), mtime, ctime };
}

/**
 * Whether a file that is read from now on, and has this state, has it for good until a time
 * changes.
 */
export function isSettled({ ctime, mtime }: FileState): boolean {
  const now = BigInt(Date.now()) * 1_000_000n;
  return BigInt(ctime) + SETTLED_NS < now && BigInt(mtime) + SETTLED_NS < now;
}

/**
 * All digests that are cached in the user's directory on this node.
 * @throws PythonMpiError CHROOT_UNUSABLE, NO_SPACE
 */
export function readDigestCache(chroot: string): CachedDigest[] {
  const { path } = new UserDirectory(chroot);
  return fs
    .readdirSync(path)
    .filter(name => name.startsWith('prefix-'))
    .flatMap(name => recordOf(join(path, name)));
}

function recordOf(prefix: string): CachedDigest[] {
  try {
    return JSON.parse(fs.readFileSync(join(prefix, OWN_DIRECTORY, RECORD), 'utf8'));
  } catch {
    return []; // nothing was cached, or the user has changed it
  }
}

/** What the cache has of a file in this state, if anything. */
export function findDigest(
  cache: readonly CachedDigest[],
  state: FileState,
): CachedDigest['spec'] | undefined {
  const wanted = JSON.stringify(state);
  return cache.find(({ state }) => JSON.stringify(state) === wanted)?.spec;
}

/** Before a prefix is published: a package may have brought a file of that name. */
export function dropDigests(prefix: string): void {
  fs.rmSync(join(prefix, OWN_DIRECTORY, RECORD), { recursive: true, force: true });
}

/**
 * Caches the digests of the packages that a prefix was made of. The next run can do without, so it
 * never fails.
 */
export function cacheDigests(prefix: string, digests: readonly CachedDigest[]): void {
  if (digests.length === 0) return;
  const file = join(prefix, OWN_DIRECTORY, RECORD);
  const draft = `${file}-${freshToken()}`;
  try {
    fs.writeFileSync(draft, JSON.stringify(digests), { mode: 0o600, flag: 'wx' });
    fs.renameSync(draft, file);
  } catch {
    fs.rmSync(draft, { force: true });
  }
}

/**
 * A directory of its own for each test, and a tree on disk as text that can be compared.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const made: string[] = [];
process.on('exit', () => {
  // What a package closes to all is closed to its owner, too, but for root.
  if (process.getuid!() !== 0) spawnSync('chmod', ['-R', 'u+rwX', ...made], { stdio: 'ignore' });
  for (const directory of made) fs.rmSync(directory, { recursive: true, force: true });
});

/** Makes an empty directory that goes when the process ends. */
export function scratch(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'stage-test-'));
  made.push(directory);
  return directory;
}

/** Runs something without root's power to ignore permissions. */
export function asOrdinaryUser<Result>(work: () => Result): Result {
  if (process.getuid!() !== 0) return work();
  process.seteuid!(65534);
  try {
    return work();
  } finally {
    process.seteuid!(0);
  }
}

/**
 * Opens a directory of ours that is closed to its owner. @returns its permissions, if they were
 * changed
 */
function opened(directory: Buffer): number | undefined {
  const { mode } = fs.statSync(directory);
  if (process.geteuid!() === 0 || (mode & 0o500) === 0o500) return undefined;
  fs.chmodSync(directory, (mode & 0o7777) | 0o500);
  return mode & 0o7777;
}

/**
 * Everything in a tree that has to survive packing, one sorted line per entry: kind, permissions,
 * modification time in milliseconds, size, path, link target, and the first path of the same file.
 */
export function listing(root: string): string[] {
  const firstOf = new Map<number, string>();
  const lines: string[] = [];
  const visit = (directory: Buffer) => {
    const closed = opened(directory);
    for (const name of fs.readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const full = Buffer.concat([directory, Buffer.from('/'), name]);
      const stat = fs.lstatSync(full);
      const relative = full.subarray(root.length + 1).toString('latin1');
      const isDirectory = stat.isDirectory();
      if (!isDirectory && !firstOf.has(stat.ino)) firstOf.set(stat.ino, relative);
      lines.push(
        JSON.stringify([
          (stat.mode & 0o170000).toString(8),
          (stat.mode & 0o7777).toString(8),
          Math.floor(stat.mtimeMs),
          isDirectory ? 0 : stat.size,
          relative,
          stat.isSymbolicLink() ? fs.readlinkSync(full) : '',
          firstOf.get(stat.ino) ?? '',
        ]),
      );
      if (isDirectory) visit(full);
    }
    if (closed !== undefined) fs.chmodSync(directory, closed);
  };
  visit(Buffer.from(root));
  return lines;
}

/**
 * A copy of what a rank runs, where every user of the machine may walk: the checkout may lie in a
 * directory that only its owner may enter.
 */
import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, cpSync, globSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Copies the built programs and the pinned Node into a directory, and lets all read that. @returns
 * its bin/
 */
export function installIn(directory: string): string {
  for (const part of ['bin', 'dist'])
    cpSync(join(ROOT, part), join(directory, part), { recursive: true, dereference: true });
  const [node] = globSync('node_modules/node-linux-*/bin/node', { cwd: ROOT });
  if (node === undefined) throw new Error('no pinned Node here: make build');
  mkdirSync(dirname(join(directory, node)), { recursive: true });
  copyFileSync(join(ROOT, node), join(directory, node), constants.COPYFILE_FICLONE);
  execFileSync('chmod', ['-R', 'a+rX', directory]);
  return join(directory, 'bin');
}

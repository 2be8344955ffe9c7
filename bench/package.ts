/**
 * The package that comparisons use: this machine's standard library with numpy and scipy, in all
 * formats. Made once per directory, since packing takes longer than anything measured with it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const PYTHON = '/usr/bin/python3';
const WHERE = `import os, numpy, scipy
print(os.path.dirname(os.__file__))
print(os.path.dirname(numpy.__file__))
print(os.path.dirname(scipy.__file__))`;

/** Compressors as tar's -I takes them; zstd at the level that suits transport. */
const FORMATS = { 'tar.gz': 'gzip', tar: 'cat', 'tar.zst': 'zstd -3' } as const;

export type Format = keyof typeof FORMATS;
export const formats = Object.keys(FORMATS) as Format[];

/**
 * Makes what is missing of the package's files.
 * @returns the path of each format
 */
export function makePackages(directory: string): Record<Format, string> {
  mkdirSync(directory, { recursive: true });
  const trees = execFileSync(PYTHON, ['-c', WHERE], { encoding: 'utf8' }).trim().split('\n');
  const relative = trees.map(tree => tree.replace(/^\/usr\//, ''));
  const paths = formats.map(format => {
    const path = join(directory, `python.${format}`);
    if (!existsSync(path)) {
      const draft = `${path}.draft`;
      execFileSync('tar', ['-C', '/usr', '-I', FORMATS[format], '-cf', draft, ...relative]);
      renameSync(draft, path);
    }
    return [format, path] as const;
  });
  return Object.fromEntries(paths) as Record<Format, string>;
}

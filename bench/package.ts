/**
 * The package that comparisons use: this machine's standard library with numpy and scipy, as a
 * plain tarball in all formats and as our own bundle. Made once per directory, since packing takes
 * longer than anything measured with it.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';

const PYTHON = '/usr/bin/python3';
const WHERE = `import os, numpy, scipy
print(os.path.dirname(os.__file__))
print(os.path.dirname(numpy.__file__))
print(os.path.dirname(scipy.__file__))`;

/** Levels: what gzip and zstd do when not told. */
const COMPRESSORS = {
  'tar.gz': () => zlib.createGzip({ level: 6 }),
  'tar.zst': () =>
    zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_compressionLevel]: 3 } }),
} as const satisfies Record<string, () => Duplex>;

/** Where all benches find what they share, and the nodes of a cluster see it. */
export const SHARED = fileURLToPath(new URL('../build/bench', import.meta.url));
const BUNDLER = fileURLToPath(new URL('../bin/python-mpi-bundle', import.meta.url));

export type Format = 'tar' | keyof typeof COMPRESSORS;
export const formats: readonly Format[] = ['tar.gz', 'tar', 'tar.zst'];

/**
 * Makes what is missing of the package's files.
 * @returns the path of each format
 */
export async function makePackages(directory: string): Promise<Record<Format, string>> {
  mkdirSync(directory, { recursive: true });
  const at = (format: Format) => join(directory, `python.${format}`);
  await unlessThere(at('tar'), draft => {
    const trees = execFileSync(PYTHON, ['-c', WHERE], { encoding: 'utf8' }).trim().split('\n');
    const relative = trees.map(tree => tree.replace(/^\/usr\//, ''));
    execFileSync('tar', ['-C', '/usr', '-cf', draft, ...relative]);
  });
  for (const format of ['tar.gz', 'tar.zst'] as const) {
    await unlessThere(at(format), draft =>
      pipeline(createReadStream(at('tar')), COMPRESSORS[format](), createWriteStream(draft)),
    );
  }
  return { tar: at('tar'), 'tar.gz': at('tar.gz'), 'tar.zst': at('tar.zst') };
}

/**
 * Makes, unless it is there, our own bundle of the same Python: with its interpreter, and byte code
 * that is good.
 * @returns its path, and that of the tree it is made from
 */
export async function makeBundle(directory: string): Promise<{ file: string; tree: string }> {
  const { tar } = await makePackages(directory);
  const tree = join(directory, 'tree');
  await unlessThere(tree, draft => {
    mkdirSync(join(draft, 'bin'), { recursive: true });
    execFileSync('tar', ['-C', draft, '-xf', tar]);
    copyFileSync(PYTHON, join(draft, 'bin/python3'));
  });
  const file = join(directory, 'bundle.tar.zst');
  await unlessThere(file, draft => {
    const suffixed = `${draft}.tar.zst`;
    execFileSync(BUNDLER, ['-o', suffixed, '--prefix', tree], { stdio: 'ignore' });
    renameSync(suffixed, draft);
  });
  return { file, tree };
}

/** Makes a file under another name first, so that half a file is never taken for one. */
async function unlessThere(
  path: string,
  make: (draft: string) => void | Promise<void>,
): Promise<void> {
  if (existsSync(path)) return;
  const draft = `${path}.draft`;
  await make(draft);
  renameSync(draft, path);
}

/**
 * Programs of the benches as the product's are: one file, without types to strip when they start.
 */
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/**
 * Bundles a program of this directory.
 * @returns its path, which is as far from dist/lib/ and dist/bcast.wasm as the product's programs
 */
export function bundled(name: string): string {
  const outfile = fileURLToPath(new URL(`../dist/bench/${name}.mjs`, import.meta.url));
  const entry = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm' });
  return outfile;
}

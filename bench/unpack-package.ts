/**
 * Unpacks one package as a node does while it arrives, and nothing else: what unpack.ts measures.
 *
 *     unpack-package FILE DIRECTORY SPEC
 *
 * SPEC is the package's description as JSON, which a node has from the root.
 */
import { openSync, readSync } from 'node:fs';
import type { PackageSpec } from '../src/stage/package.ts';
import { Unpacker } from '../src/stage/unpack/unpacker.ts';

const [file, directory, spec] = process.argv.slice(2) as [string, string, string];
const unpacker = new Unpacker({ directory, packages: [JSON.parse(spec) as PackageSpec] });
const input = openSync(file, 'r');
const buffer = Buffer.allocUnsafeSlow(1 << 20);
for (let count = readSync(input, buffer); count > 0; count = readSync(input, buffer)) {
  await unpacker.deliver(buffer.subarray(0, count));
}
await unpacker.finished;

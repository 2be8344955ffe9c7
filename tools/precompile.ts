/**
 * The last step of bundling a program: puts it into the form that bin/python-mpi reads at once and
 * has Node run.
 *
 *     node tools/precompile.ts BUNDLE OUTPUT
 *
 * The output is a line `//` and ten digits, the length of the source with this line; the source, a
 * function of `require` and the file's own name; and behind it what V8 made of it. Compiling is a
 * fifth of what a rank costs until it is Python, and all ranks compile the same. Another V8 than
 * this one rejects that part and compiles.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const [bundle, output] = process.argv.slice(2) as [string, string];
const body = `(function (require, __filename) {${readFileSync(bundle, 'latin1')}\n})`;
const head = (length: number) => `//${String(length).padStart(10, '0')}\n`;
const source = head(head(0).length + body.length) + body;

// All functions now, rather than each when it is first called.
setFlagsFromString('--no-lazy');
const script = new Script(source);
// Part of what V8 compares.
setFlagsFromString('--lazy');
writeFileSync(output, Buffer.concat([Buffer.from(source, 'latin1'), script.createCachedData()]));

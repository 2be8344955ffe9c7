/**
 * Makes a module of a text file, so that a program in another language can be a file of its own and
 * part of a bundle:
 *
 *     node tools/embed.ts FILE >FILE.ts
 *
 * The module's default export is the text. (Node runs the sources as they are, and cannot import
 * text.)
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const [file] = process.argv.slice(2) as [string];
const text = JSON.stringify(readFileSync(file, 'utf8'));
process.stdout.write(`/** ${basename(file)}, by tools/embed.ts. */\nexport default ${text};\n`);

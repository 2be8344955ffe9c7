/**
 * Makes the executables of bin/, which are all the same file and become the program of their own
 * name:
 *
 *     node tools/assemble.ts OUTPUT...
 *
 * tools/start.sh is the frame. Into it go tools/start.js, as one line, for tools that read `ps`
 * line by line, and the table of variables that tell a rank its number.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { rankInShell } from '../src/pmi/rank-variables.ts';

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');

/** The program, on one line without comments. */
function oneLine(program: string): string {
  const { code } = transformSync(program, {
    target: 'node22',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
  });
  const line = code.trim();
  if (line.includes('\n')) throw new Error('tools/start.js does not fit on one line');
  return line;
}

/** A text within single quotes of a shell. */
const quoted = (text: string) => text.replaceAll("'", String.raw`'\''`);

const parts: Record<string, string> = {
  '@RANK@': rankInShell(),
  '@START@': quoted(oneLine(read('start.js'))),
};
const script = read('start.sh').replace(/@[A-Z]+@/g, place => parts[place]!);
for (const output of process.argv.slice(2)) writeFileSync(output, script, { mode: 0o755 });

/**
 * Runs all comparisons, one after the other, and writes what they print to bench/RESULTS.md.
 *
 *     node bench/run.ts [ROUNDS]
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machine } from './machine.ts';

const rounds = process.argv[2] ?? '5';
/** Programs and their argument. */
const BENCHES = [
  ...['unpack', 'stage', 'bcast', 'start', 'imports', 'report'].map(
    name => [name, rounds] as const,
  ),
  ['scale/run', 'quick'] as const,
];
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const header = `# Comparisons

Made by \`make bench\`, on one machine that plays all the nodes (test/cluster/bed): they share its processors, so that
unpacking on four nodes takes four times as long as it would on four machines, for everybody.
Every number is a ratio to a peer that was measured in the same round, unless its row names a unit.

${machine()}
- ${rounds} rounds each; contestants take turns
`;

/** What a bench prints, or that it failed: one that does must not hide the others. */
function tableOf([name, argument]: (typeof BENCHES)[number]): string {
  console.error(`bench/${name}.ts`);
  const args = ['--disable-warning=ExperimentalWarning', here(`${name}.ts`), argument];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  process.exitCode = 1;
  const why = /^Error: .*$/m.exec(stderr)?.[0] ?? 'no error was shown';
  return `## bench/${name}.ts\n\nNot measured this time: it ended with status ${status} (${why}).`;
}

const tables = BENCHES.map(tableOf);
const results = [header, ...tables.map(table => table.trim())].join('\n\n');
writeFileSync(here('RESULTS.md'), `${results.replace(/\n{3,}/g, '\n\n')}\n`);
console.log(results);

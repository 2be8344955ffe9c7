/**
 * Runs all comparisons, one after the other, and writes what they print to bench/RESULTS.md.
 *
 *     node bench/run.ts [ROUNDS]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const BENCHES = ['unpack', 'stage', 'bcast', 'start', 'imports'];
const rounds = process.argv[2] ?? '5';
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: here('.'), encoding: 'utf8' });
    const changed = git('status', '--porcelain', '--untracked-files=no').trim() !== '';
    return git('rev-parse', '--short', 'HEAD').trim() + (changed ? ' and changes' : '');
  } catch {
    return 'unknown';
  }
}

const header = `# Comparisons

Made by \`make bench\`, on one machine that plays all the nodes (test/cluster/bed): they share its processors, so that
unpacking on four nodes takes four times as long as it would on four machines, for everybody.
Every number is a ratio to a peer that was measured in the same round, unless its row names a unit.

- machine: ${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} processors, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}
- load when it began: ${loadavg()[0]!.toFixed(2)}
- date: ${new Date().toISOString().slice(0, 10)}, commit ${commit()}, Node ${process.versions.node}
- ${rounds} rounds each; contestants take turns
`;

/** What a bench prints, or that it failed: one that does must not hide the others. */
function tableOf(name: string): string {
  console.error(`bench/${name}.ts`);
  const args = ['--disable-warning=ExperimentalWarning', here(`${name}.ts`), rounds];
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

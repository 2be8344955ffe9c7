/**
 * Runs every `*.test.ts` below this directory, each in a process of its own, ends what hangs, and
 * prints the runner's own totals as the last line. A file that reports no test fails: uvu is silent
 * about a suite whose `.run()` was forgotten.
 *
 *     node test/run.ts [part of a path]...
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * How long a file may say nothing before it is taken to hang, in milliseconds. uvu says something
 * after every test, so this is many times what one test takes on a machine that is busy with other
 * things.
 */
const SILENCE_MS = 900_000;

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  output: string;
}

/** What uvu's closing lines say, or undefined when it never got to them. */
function totals(output: string): { total: number; passed: number; skipped: number } | undefined {
  const read = (label: string) =>
    Number(new RegExp(`^ {2}${label}: +(\\d+)`, 'm').exec(output)?.[1] ?? Number.NaN);
  const [total, passed, skipped] = [read('Total'), read('Passed'), read('Skipped')];
  return Number.isNaN(total) ? undefined : { total, passed, skipped };
}

function runFile(file: string): Promise<Outcome> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
    detached: true,
  });
  let output = '';
  const timer = setTimeout(() => {
    output += `\nnothing more for ${SILENCE_MS / 1000} s\n`;
    process.kill(-child.pid!, 'SIGKILL');
  }, SILENCE_MS);
  const hear = (data: Buffer) => {
    output += data;
    timer.refresh();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return new Promise(resolve => {
    child.on('close', status => {
      clearTimeout(timer);
      const seen = totals(output);
      if (seen === undefined || seen.total + seen.skipped === 0) {
        resolve({ passed: 0, failed: 1, skipped: 0, output: `${output}\nno test was reported` });
        return;
      }
      const broken = seen.total - seen.passed;
      const failed = status === 0 ? broken : Math.max(1, broken);
      resolve({ passed: seen.passed, failed, skipped: seen.skipped, output });
    });
  });
}

/** Files with a cluster mostly wait, for what is silent; the others compute. */
const onCluster = (file: string) => file.startsWith('cluster/');

const here = fileURLToPath(new URL('.', import.meta.url));
const wanted = process.argv.slice(2);
const files = globSync('**/*.test.ts', { cwd: here })
  .filter(file => wanted.length === 0 || wanted.some(part => file.includes(part)))
  .sort();

const sum = { passed: 0, failed: 0, skipped: 0 };

async function report(file: string): Promise<void> {
  const start = performance.now();
  const outcome = await runFile(`${here}${file}`);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  sum.passed += outcome.passed;
  sum.failed += outcome.failed;
  sum.skipped += outcome.skipped;
  const verdict = outcome.failed === 0 ? 'ok  ' : 'FAIL';
  const skips = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : '';
  process.stdout.write(`${verdict} ${file} (${outcome.passed} passed${skips}, ${seconds} s)\n`);
  for (const reason of outcome.output.match(/^skipped: .*$/gm) ?? [])
    process.stdout.write(`     ${reason}\n`);
  if (outcome.failed > 0) process.stdout.write(`${outcome.output.replace(/^/gm, '    ')}\n`);
}

/** Runs the files of the first queue, one after the other, and then takes from the second, too. */
async function lane(first: string[], second: string[]): Promise<void> {
  for (;;) {
    const file = first.shift() ?? second.shift();
    if (file === undefined) return;
    await report(file);
  }
}

/** Files whose beds have dozens of nodes, and faults that must not meet a machine out of breath. */
const needsAll = (file: string) => /^cluster\/t(0400|0410|0440|0620)/.test(file);

const large = files.filter(needsAll);
const clusters = files.filter(file => onCluster(file) && !needsAll(file));
const others = files.filter(file => !onCluster(file));
await Promise.all([lane(clusters, others), lane(clusters, others), lane(others, clusters)]);
await lane(large, []);
if (files.length === 0) {
  process.stdout.write('no test file matches\n');
  sum.failed = 1;
}
process.stdout.write(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`);
process.exitCode = sum.failed === 0 ? 0 : 1;

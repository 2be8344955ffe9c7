/** What figures were measured on. */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: here, encoding: 'utf8' });
    const changed = git('status', '--porcelain', '--untracked-files=no').trim() !== '';
    return git('rev-parse', '--short', 'HEAD').trim() + (changed ? ' and changes' : '');
  } catch {
    return 'unknown';
  }
}

/** Machine, its load now, date and commit, as a list of Markdown. */
export function machine(): string {
  return [
    `- machine: ${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} processors, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`,
    `- load when it began: ${loadavg()[0]!.toFixed(2)}`,
    `- date: ${new Date().toISOString().slice(0, 10)}, commit ${commit()}, Node ${process.versions.node}`,
  ].join('\n');
}

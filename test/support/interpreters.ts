/** Trees that are settled as staged packages are, and Pythons that run from them. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Deadline } from '../../src/deadline.ts';
import { runUntil } from '../../src/launch/run-program.ts';
import { changed, type PythonProgram, pythonProgram } from '../../src/stage/environment.ts';
import type { RunProgram } from '../../src/stage/interpreter.ts';
import { settle } from '../../src/stage/settle.ts';
import { scratch } from './scratch.ts';

export const SYSTEM_PYTHON = '/usr/bin/python3';

/** An environment in which nothing is set but what a shell needs. */
export const plain = { PATH: '/usr/bin:/bin', HOME: '/nonexistent' };

const run: RunProgram = (...program) => runUntil(Deadline.after(60_000))(...program);

/**
 * A directory with these files: name -> content. Names that end in a slash are directories, *! are
 * executable.
 */
export function tree(files: Record<string, string> | readonly string[]): string {
  const root = fs.realpathSync(scratch());
  const pairs = Array.isArray(files) ? files.map(name => [name, '']) : Object.entries(files);
  for (const [name, content] of pairs as [string, string][]) {
    const file = path.join(root, name.replace('!', ''));
    fs.mkdirSync(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
    if (!name.endsWith('/'))
      fs.writeFileSync(file, content, { mode: name.endsWith('!') ? 0o755 : 0o644 });
  }
  return root;
}

/** Copies Debian's Python, or parts of it, into a tree. */
export function copySystemPython(root: string, ...parts: string[]): string {
  const archive = execFileSync(
    'tar',
    ['-C', '/usr', '-c', '--exclude=__pycache__', '--exclude=test', '--exclude=config-*', ...parts],
    { maxBuffer: 1 << 29 },
  );
  execFileSync('tar', ['-C', root, '-x'], { input: archive });
  return root;
}

/** Settles a tree in place. */
export async function settled(root: string, env: NodeJS.ProcessEnv = plain): Promise<string> {
  await settle(root, root, env, run);
  return root;
}

/** What {@link pythonProgram} says about a settled tree. */
export function programOf(
  prefix: string | undefined,
  env: NodeJS.ProcessEnv = plain,
  wanted?: string,
): Promise<PythonProgram> {
  return pythonProgram(prefix, env, wanted, run);
}

export interface Said {
  status: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** Runs a program with the changes to an environment. */
export function start(
  { file, changes }: PythonProgram,
  args: readonly string[],
  env: NodeJS.ProcessEnv = plain,
): Said {
  const { status, signal, stdout, stderr } = spawnSync(file, args, {
    env: changed(env, changes),
    encoding: 'utf8',
  });
  return { status, signal, out: stdout, err: stderr };
}

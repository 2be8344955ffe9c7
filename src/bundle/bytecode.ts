/**
 * Byte code for every module of a package, made before it is sent instead of by every rank.
 *
 * Unchecked and hash-based (PEP 552), so that no modification time can make it stale. Sources are
 * compiled from a private copy under names relative to the prefix, and in a fixed order by fresh
 * interpreters with a fixed hash seed, because what CPython writes depends on what it compiled
 * before and on the order of sets.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import COMPILE from './compile.py.ts';
import { type Context, checkCancelled } from './context.ts';
import { contentOf, exists, readable } from './disk.ts';
import { isEscaped } from './filename.ts';
import type { Interpreter } from './interpreter.ts';
import { ordered } from './ordered.ts';
import { relocate } from './relocate.ts';
import type { FileEntry, Layer, Tree } from './tree.ts';

/** Files per interpreter: few enough for progress, many enough that its start does not count. */
const BATCH = 400;
const READ_AHEAD = 16;

/**
 * Adds `__pycache__` entries for all modules of the tree.
 * @param width how many interpreters may run at once
 * @returns paths that are no valid source for this Python and stay as they are
 */
export async function addBytecode(
  tree: Tree,
  interpreter: Interpreter,
  width: number,
  context: Context,
): Promise<string[]> {
  const modules = tree
    .files()
    .filter(({ path }) => path.endsWith('.py') && !path.startsWith('bin/'))
    // No module can be called so.
    .filter(({ path }) => !isEscaped(path));
  const copy = join(context.scratch, 'compile');
  await mkdir(copy, { recursive: true });
  for await (const _ of ordered(modules, READ_AHEAD, module => stageSource(module, copy)));

  const batches = Array.from({ length: Math.ceil(modules.length / BATCH) }, (_, i) =>
    modules.slice(i * BATCH, (i + 1) * BATCH),
  );
  let done = 0;
  for await (const count of ordered(batches, width, batch =>
    compile(batch, copy, interpreter, context),
  )) {
    done += count;
    context.progress('compiling', done, modules.length);
  }

  const layer: Layer = { label: 'byte code', origins: [] };
  const failed: string[] = [];
  for (const { path } of modules) {
    const compiled = join(
      dirname(path),
      '__pycache__',
      `${path.slice(path.lastIndexOf('/') + 1, -3)}.${interpreter.tag}.pyc`,
    );
    const content = join(copy, compiled);
    if (await exists(content))
      tree.put({ kind: 'file', path: compiled, layer, executable: false, content });
    else failed.push(path);
  }
  return failed;
}

async function stageSource(module: FileEntry, copy: string): Promise<void> {
  const { content } = module;
  const source =
    typeof content === 'string' ? await readable(content, contentOf(content)) : content;
  const file = join(copy, module.path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, relocate(module, source).content);
}

async function compile(
  batch: readonly FileEntry[],
  copy: string,
  { file }: Interpreter,
  { run, env, signal }: Context,
): Promise<number> {
  checkCancelled(signal);
  const { status, stderr } = await run(file, ['-s', '-W', 'ignore', '-c', COMPILE], {
    cwd: copy,
    env: { ...plain(env), PYTHONHASHSEED: '0' },
    input: batch.map(({ path }) => path).join('\n'),
  });
  if (status !== 0) {
    throw new PythonMpiError(
      'NO_INTERPRETER',
      `${file} failed while compiling: ${stderr.trim().split('\n').at(-1)}`,
      {
        hint: 'name another one with --python, or use --source-only',
      },
    );
  }
  return batch.length;
}

/** The environment without what would change how Python compiles or where it puts the result. */
function plain(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('PYTHON')));
}

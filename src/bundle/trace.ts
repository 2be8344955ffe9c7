/**
 * Keeping only what a program used: the command runs once, and modules that it did not touch are
 * left out.
 *
 * Python itself tells (audit hooks, loaded modules, mapped libraries), in every process of the run.
 * Only modules are left out, since only for those is there a way back: an import that finds nothing
 * in the package is sent to the original place. Data files of a package that was used, libraries
 * and package metadata stay; Python's own headers, which are no modules either, go, and are named.
 */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path/posix';
import { PythonMpiError } from '../errors.ts';
import { checkCancelled } from './context.ts';
import { realPath } from './disk.ts';
import { FALLBACK_MODULE, fallbackSource } from './fallback.ts';
import { nameOf, onDisk } from './filename.ts';
import { ordered } from './ordered.ts';
import RECORDER from './recorder.py.ts';
import type { Collection } from './source.ts';
import type { FileEntry, Layer } from './tree.ts';

/**
 * Where Python's modules are; anything else in a prefix is not a module that could be found again.
 */
const MODULE = /^lib(?:64)?\/python3[^/]*\/.*\.(?:py|so)$/;
/** Needed before anything could be found elsewhere, or by programs we cannot see. */
const ESSENTIAL_MODULES =
  'os|site|sitecustomize|usercustomize|codecs|io|abc|stat|posixpath|genericpath|' +
  '_sysconfigdata[^/]*|encodings/[^/]*';
const ESSENTIAL = new RegExp(`^lib(?:64)?/python3\\.\\d+/(?:${ESSENTIAL_MODULES})(?:\\.py)?$`);
const SITE = /\/(?:site|dist)-packages\//;
/** Only what compiles at run time reads them, and no trace shows whether it would. */
const HEADER = /^include\/python3[^/]*\//;
const READ_AHEAD = 32;

export interface Savings {
  files: number;
  bytes: number;
  /** Bytes there were. */
  of: number;
}

/**
 * Runs `command` with sh, the sources' programs first in PATH, and drops the modules it did not
 * use.
 * @throws PythonMpiError NO_PACKAGE when the command fails, with its last words, or used nothing of
 *   the package
 */
export async function keepUsed(command: string, collection: Collection): Promise<Savings> {
  const { tree, context } = collection;
  const used = await traceCommand(command, collection);
  const touched = new Set<string>();
  const unused: FileEntry[] = [];
  for await (const { entry, path } of ordered(tree.files(), READ_AHEAD, locateEntry)) {
    if (used.has(path)) touched.add(distributionOf(entry.path));
    else unused.push(entry);
  }
  if (touched.size === 0) {
    throw new PythonMpiError('NO_PACKAGE', `'${command}' used nothing of what is bundled`, {
      hint: 'run it with the Python of the sources, which is first in PATH',
    });
  }
  const dropped = unused.filter(({ path }) => {
    if (ESSENTIAL.test(path) || /\.(?:dist|egg)-info\//.test(path)) return false;
    if (HEADER.test(path)) return true;
    if (SITE.test(path) && !touched.has(distributionOf(path))) return true;
    return MODULE.test(path) && isModule(path);
  });
  for (const { path } of dropped) if (HEADER.test(path)) collection.exclusion.record('/include');
  const series = collection.interpreters[0]?.series;
  const savings = {
    files: dropped.length,
    bytes: await sizeOf(dropped),
    of: await sizeOf(tree.files()),
  };
  for (const { path } of dropped) tree.delete(path);
  dropDanglingLinks(collection);
  if (series !== undefined) addFallback(dropped, series, collection);
  context.progress('tracing', 1, 1);
  return savings;
}

async function traceCommand(
  command: string,
  { context, programs }: Collection,
): Promise<Set<string>> {
  const { env, scratch, run, signal } = context;
  const recorder = join(scratch, 'trace');
  await mkdir(recorder);
  await writeFile(join(recorder, 'sitecustomize.py'), RECORDER);
  context.progress('tracing', 0, 1);
  const { status, stderr } = await run('/bin/sh', ['-c', command], {
    env: {
      ...env,
      PATH: [...programs, env.PATH ?? '/usr/bin:/bin'].join(':'),
      PYTHONPATH: [recorder, env.PYTHONPATH ?? ''].filter(Boolean).join(':'),
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  checkCancelled(signal);
  if (status !== 0) {
    throw new PythonMpiError(
      'NO_PACKAGE',
      `the traced command failed: ${stderr.trim().split('\n').at(-1) || `status ${status}`}`,
      {
        hint: 'it must run to its end, or what it needs is not known',
      },
    );
  }
  return readUsed(recorder);
}

/** Real paths of all files used; byte code stands for its source. */
async function readUsed(recorder: string): Promise<Set<string>> {
  const log = await readFile(join(recorder, 'used')).catch(() => Buffer.alloc(0));
  const used = new Set(nameOf(log).split('\n'));
  const sources = [...used].map(path =>
    path.replace(/\/__pycache__\/([^/]+?)\.[^/.]+(?:\.opt-\d)?\.pyc$/, '/$1.py'),
  );
  const real = new Set<string>();
  for await (const path of ordered(sources, READ_AHEAD, path =>
    realPath(path).catch(() => undefined),
  )) {
    if (path !== undefined) real.add(path);
  }
  return real;
}

async function locateEntry(entry: FileEntry): Promise<{ entry: FileEntry; path: string }> {
  const { content } = entry;
  return { entry, path: typeof content === 'string' ? await realPath(content) : '' };
}

/** Bytes of all files together. */
async function sizeOf(files: readonly FileEntry[]): Promise<number> {
  let bytes = 0;
  const sizes = ordered(files, READ_AHEAD, async ({ content }) =>
    typeof content === 'string' ? (await stat(onDisk(content))).size : content.length,
  );
  for await (const size of sizes) bytes += size;
  return bytes;
}

/**
 * The unit that is used or not: an installed package with the libraries beside it, or everything
 * else together.
 */
function distributionOf(path: string): string {
  const name = /\/(?:site|dist)-packages\/([^/]+)/.exec(path)?.[1];
  return name === undefined ? '' : name.replace(/\.libs$/, '');
}

/**
 * Whether an import could find this file: other shared libraries may be opened by ones that are
 * used.
 */
function isModule(path: string): boolean {
  return path.endsWith('.py') || /\.(?:cpython-[^/]*|abi3)\.so$/.test(path);
}

function dropDanglingLinks({ tree }: Collection): void {
  const directories = new Set(tree.directories());
  for (const entry of tree.sorted()) {
    if (entry.kind !== 'link') continue;
    const target = join(dirname(entry.path), entry.target);
    if (tree.get(target) === undefined && !directories.has(target)) tree.delete(entry.path);
  }
}

/** The way back for what was dropped, as a module that a `.pth` file loads at start. */
function addFallback(dropped: readonly FileEntry[], series: string, { tree }: Collection): void {
  const layer: Layer = { label: '--trace', origins: [] };
  const site = `lib/python${series}/site-packages`;
  const places = new Map<string, string>();
  for (const { path, content } of dropped) {
    if (typeof content !== 'string' || !isModule(path)) continue;
    const module = path.replace(/(?:\.py|\.[^/]*\.so)$/, '');
    if (basename(module) === '__init__') places.set(dirname(module), dirname(dirname(content)));
    else places.set(module, dirname(content));
  }
  const put = (name: string, text: string) =>
    tree.put({
      kind: 'file',
      path: `${site}/${name}`,
      layer,
      executable: false,
      content: Buffer.from(text),
    });
  put(`${FALLBACK_MODULE}.py`, fallbackSource(places));
  put('python-mpi-fallback.pth', `import ${FALLBACK_MODULE}\n`);
}

/**
 * Making a package, as a story: collect the sources, take their libraries along, keep what is used,
 * compile, write.
 */

import { PythonMpiError } from '../errors.ts';
import { addBytecode } from './bytecode.ts';
import { outputOf } from './compress.ts';
import { type Context, naming } from './context.ts';
import { addDirectory, linkPackages } from './directory.ts';
import { firstExisting } from './disk.ts';
import { Exclusion, type Selection } from './exclude.ts';
import type { Contents } from './frames.ts';
import { askInterpreter, type Interpreter } from './interpreter.ts';
import { isSystem, librariesOf, putLibraries } from './libraries.ts';
import { FORMAT, type Manifest } from './manifest.ts';
import { addPip } from './pip.ts';
import { addPrefix } from './prefix.ts';
import type { Leftover } from './relocate.ts';
import { type Collection, labelOf, pythonOf, type Source } from './source.ts';
import { keepUsed, type Savings } from './trace.ts';
import { Tree } from './tree.ts';
import { addUserBase } from './user-base.ts';
import { addVenv } from './venv.ts';
import { checkOutput, type Written, writePackage } from './write.ts';

export interface Request {
  sources: readonly Source[];
  output: string;
  /** Compression level, or undefined for the default. */
  level: number | undefined;
  selection: Selection;
  withBase: boolean;
  /**
   * Shared libraries from outside: none, those that are not the system's, or all but the node's
   * own.
   */
  withLibs: 'none' | 'foreign' | 'all';
  sourceOnly: boolean;
  /** A command whose run decides what is kept. */
  trace: string | undefined;
  /**
   * Python for pip, the user base and compiling; undefined for what the sources bring, or
   * `python3`.
   */
  python: string | undefined;
  /** Of all entries, in seconds since 1970. */
  mtime: number;
  /** How many programs and threads to use. */
  width: number;
}

export interface Made extends Written {
  file: string;
  /** What tracing left out, where it was asked for. */
  savings: Savings | undefined;
}

/**
 * Makes one package file.
 * @throws PythonMpiError, of any code that sources, pip, Python and the file system give rise to
 */
export async function makePackage(request: Request, context: Context): Promise<Made> {
  const output = outputOf(request.output);
  await checkOutput(output.file);
  const level = levelOf(request.level, output.compression.levels);
  const warnings: string[] = [];
  const warn = (message: string) => {
    warnings.push(message);
    context.warn(message);
  };
  const listening: Context = { ...context, warn };
  const exclusion = new Exclusion(request.selection);
  const collection: Collection = {
    tree: new Tree(),
    exclusion,
    context: listening,
    withBase: request.withBase,
    python: request.python,
    layers: [],
    interpreters: [],
    base: undefined,
    programs: [],
  };
  const { tree } = collection;

  for (const source of request.sources) await collect(source, collection);
  if (request.withLibs !== 'none') await addLibraries(request.withLibs, collection);
  const savings =
    request.trace === undefined ? undefined : await keepUsed(request.trace, collection);
  if (tree.size === 0)
    throw new PythonMpiError('NO_PACKAGE', 'nothing is left to bundle', {
      hint: 'look at --exclude',
    });

  const interpreter = await compilerOf(request, collection);
  if (interpreter !== undefined) linkPackages(request.sources, interpreter, collection);
  if (interpreter !== undefined && !request.sourceOnly) {
    const failed = await addBytecode(tree, interpreter, request.width, listening);
    if (failed.length > 0) {
      warn(`not valid Python ${interpreter.series}, so without byte code: ${naming(failed)}`);
    }
  }

  const written = await writePackage(
    tree,
    {
      format: FORMAT,
      name: output.name,
      ...(interpreter === undefined
        ? {}
        : { python: { version: interpreter.version, tag: interpreter.tag } }),
      platform: interpreter?.platform ?? 'any',
      libc: interpreter?.libc ?? '',
      bytecode: interpreter === undefined || request.sourceOnly ? 'none' : 'unchecked-hash',
      sources: request.sources.map(labelOf),
      mtime: request.mtime,
      leftOut: Object.fromEntries([...exclusion.leftOut].sort()),
    },
    output,
    {
      level,
      width: request.width,
      conclude: async contents => {
        const notRelocated = await withConsequences(contents);
        for (const message of leftoverWarnings(notRelocated)) warn(message);
        return { warnings: [...warnings].sort(), notRelocated };
      },
    },
    listening,
  );
  return { ...written, file: output.file, savings };
}

async function collect(source: Source, collection: Collection): Promise<void> {
  const label = labelOf(source);
  collection.context.progress(`reading ${label}`, 0, 1);
  switch (source.kind) {
    case 'prefix':
      return addPrefix(source.directory, collection);
    case 'venv':
      return addVenv(source.directory, label, collection);
    case 'pip':
      return addPip(source.requirements, label, collection);
    case 'user-base':
      return addUserBase(collection);
    case 'directory':
      return addDirectory(source, collection);
  }
}

async function addLibraries(which: 'foreign' | 'all', collection: Collection): Promise<void> {
  const { found, missing } = await librariesOf(
    collection,
    path => which === 'all' || !isSystem(path),
  );
  if (missing.length > 0) {
    collection.context.warn(
      `shared libraries that are needed but found nowhere: ${naming(missing)}`,
    );
  }
  const layer = { label: '--with-libs', origins: [] };
  putLibraries(collection, found, layer);
}

/**
 * The Python that compiles, which is the one that will run what is compiled: the one that the
 * package brings, else the user's choice, else the one that the package is for. None where nothing
 * is Python.
 */
async function compilerOf(
  request: Request,
  collection: Collection,
): Promise<Interpreter | undefined> {
  const { tree, interpreters, base, context } = collection;
  const needed = interpreters.length > 0 || tree.files().some(({ path }) => path.endsWith('.py'));
  if (!needed) return undefined;
  const own = base ?? (request.python === undefined ? interpreters[0] : undefined);
  const interpreter = own ?? (await askInterpreter(pythonOf(collection), context));
  const series = new Set(
    tree.sorted().flatMap(({ path }) => /^lib\/python(3\.\d+)\//.exec(path)?.[1] ?? []),
  );
  series.delete(interpreter.series);
  if (series.size > 0) {
    context.warn(
      `${interpreter.file} is Python ${interpreter.series}, but there are packages of Python ` +
        `${[...series].join(', ')}, for which a matching --python would be needed`,
    );
  }
  return interpreter;
}

function levelOf(
  wanted: number | undefined,
  [lowest, usual, highest]: readonly [number, number, number],
): number {
  if (wanted === undefined) return usual;
  if (wanted >= lowest && wanted <= highest) return wanted;
  throw new PythonMpiError(
    'USAGE',
    `compression level ${wanted} is not from ${lowest} to ${highest}`,
  );
}

/**
 * The files that could not be relocated, without those that only look in places which no longer
 * exist.
 */
async function withConsequences({ leftovers }: Contents): Promise<Manifest['notRelocated']> {
  const paths: Manifest['notRelocated'] = { 'search path': [], text: [], data: [] };
  for (const { path, leftover } of leftovers) {
    const idle =
      leftover.kind === 'search path' && (await firstExisting(leftover.directories)) === undefined;
    if (!idle) paths[leftover.kind].push(path);
  }
  return paths;
}

function leftoverWarnings(paths: Manifest['notRelocated']): string[] {
  const say = (kind: Leftover['kind'], what: string) =>
    paths[kind].length === 0 ? [] : [`${what} ${naming(paths[kind])}`];
  return [
    ...say('search path', 'libraries are also looked for in absolute places (RPATH) by'),
    ...say('text', 'the old location stays in the text of'),
    ...say('data', 'the old location stays in the data of'),
  ];
}

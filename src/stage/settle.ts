/**
 * The last thing done to a tree before it is published: the interpreter that the packages bring is
 * made to stand in it.
 *
 * An interpreter that finds its prefix by where it lies needs no PYTHONHOME, which would reach
 * every program that it starts; a `pyvenv.cfg` says so and shuts out the user's own packages in
 * HOME. One that is only a link, as in a virtual environment that was packed without its base,
 * makes the prefix a virtual environment of that base.
 */
import fs from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import { entriesOf, pythonDirectories, realPath, siteDirectories } from './entries.ts';
import { askInterpreter, type Interpreter, type RunProgram } from './interpreter.ts';
import { neededDirectories, relocateInterpreter } from './libraries.ts';
import { chooseSites, isOneTopDirectory } from './modules.ts';
import { makeOwnDirectory, OWN_DIRECTORY, writeOwn } from './own-directory.ts';
import { STARTUP_FILE, startupLine, writeStartupModules } from './startup.ts';

/** What was settled about a prefix. Paths are relative to it. */
export interface Settled {
  /** The interpreter that the packages bring, if they do. */
  interpreter?: { file: string; version: string };
  /** It does not find its standard library without PYTHONHOME. */
  needsHome?: boolean;
  /** Directories that LD_LIBRARY_PATH has to name when it starts. */
  libraries: readonly string[];
  /** What a user should know, once. */
  warnings: readonly string[];
}

const RECORD = join(OWN_DIRECTORY, 'python.json');

/**
 * @param tree what was unpacked; not in use yet
 * @param prefix where it will be
 * @param env of the ranks
 * @throws PythonMpiError NO_INTERPRETER when the packages bring one that cannot run;
 *   CORRUPT_PACKAGE when they are no prefix; UNSAFE_PACKAGE, CHROOT_UNUSABLE, NO_SPACE
 */
export async function settle(
  tree: string,
  prefix: string,
  env: NodeJS.ProcessEnv,
  run: RunProgram,
): Promise<void> {
  makeOwnDirectory(tree);
  writeStartupModules(tree);
  const file = interpreterOf(tree);
  const top = isOneTopDirectory(tree);
  if (top !== undefined) {
    throw new PythonMpiError('CORRUPT_PACKAGE', `all of a package lies below ${top}/`, {
      hint: `pack what is in that directory: tar -czf PACKAGE.tar.gz -C ${top} .`,
    });
  }
  const settled =
    file === undefined
      ? { libraries: [], warnings: [] }
      : await settleInterpreter(file, { tree, prefix, env, run });
  writeOwn(tree, RECORD, JSON.stringify(settled));
}

/** What was settled about a published prefix. */
export function settledOf(prefix: string): Settled {
  return JSON.parse(fs.readFileSync(join(prefix, RECORD), 'utf8')) as Settled;
}

/**
 * The interpreter in a tree, if there is one.
 * @throws PythonMpiError NO_INTERPRETER when what is called so cannot be run
 */
function interpreterOf(tree: string): string | undefined {
  const named = ['python3', 'python'].map(name => join(tree, 'bin', name));
  const file = named.find(path => fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  if (file === undefined) return undefined;
  const name = relative(tree, file);
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new PythonMpiError(
      'NO_INTERPRETER',
      `${name} of the packages is a link to ${targetOf(file)}, which is not there`,
      { hint: 'pack that Python too (python-mpi-bundle --venv DIR --with-base)' },
    );
  }
  if (stat.isFile() && (stat.mode & 0o100) !== 0) return file;
  throw new PythonMpiError('NO_INTERPRETER', `${name} of the packages cannot be executed`, {
    hint: 'pack it with the permissions of a program',
  });
}

/** Where a chain of links ends. */
function targetOf(file: string): string {
  try {
    const target = fs.readlinkSync(file);
    return targetOf(target.startsWith('/') ? target : join(dirname(file), target));
  } catch {
    return file;
  }
}

interface Place {
  tree: string;
  prefix: string;
  env: NodeJS.ProcessEnv;
  run: RunProgram;
}

async function settleInterpreter(file: string, place: Place): Promise<Settled> {
  const { tree, prefix } = place;
  const root = fs.realpathSync(tree);
  const real = fs.realpathSync(file);
  const isOurs = real.startsWith(`${root}/`);
  if (isOurs) relocateInterpreter(root, real);
  // What a package says of another base holds no longer when that came along.
  if (isOurs && hasStandardLibrary(root)) fs.rmSync(join(tree, 'pyvenv.cfg'), { force: true });
  const { interpreter, needsHome } = await ask(file, real, root, place);
  const isWhole = isBelow(interpreter.stdlib, root);
  const warnings: string[] = [];

  if (isWhole) {
    // Where it finds no compiled modules it says so at each start, and looks where it was built.
    if (!isBelow(interpreter.execPrefix, root))
      fs.mkdirSync(join(interpreter.stdlib, 'lib-dynload'), { recursive: true });
    writeOwn(tree, 'pyvenv.cfg', configuration(join(prefix, 'bin'), false));
  } else {
    if (isOurs && interpreter.venv === undefined) {
      warnings.push(
        `${relative(tree, file)} of the packages takes its standard library from ${interpreter.stdlib}: ` +
          'pack that as well',
      );
    }
    if (!fs.existsSync(join(tree, 'pyvenv.cfg')))
      writeOwn(tree, 'pyvenv.cfg', configuration(dirname(interpreter.base), true));
  }
  const own = isWhole
    ? interpreter.sites.filter(site => isBelow(site, root)).map(site => relative(root, site))
    : [`lib/python${interpreter.series}/site-packages`];
  const first = own.find(site => fs.existsSync(join(tree, site))) ?? own[0]!;
  const { sites, warning } = chooseSites(siteDirectories(tree), interpreter);
  if (warning !== undefined) warnings.push(warning);
  const modules = [
    ...sites,
    ...pythonDirectories(root)
      .filter(({ series }) => series === interpreter.series)
      .map(({ path }) => join(path, 'lib-dynload')),
  ];
  const libraries = neededDirectories(
    root,
    real,
    modules.map(path => realPath(path) ?? path),
  );
  writeOwn(
    tree,
    join(first, STARTUP_FILE),
    startupLine({
      prefix,
      sites: sites.map(site => join(prefix, relative(tree, site))),
      behind: [],
      libraries: libraries.map(name => join(prefix, name)),
    }),
  );
  const { version } = interpreter;
  return {
    interpreter: { file: relative(tree, file), version },
    needsHome,
    libraries,
    warnings,
  };
}

/** Asks the interpreter where it lies now, if need be with the help that it will get. */
async function ask(
  file: string,
  real: string,
  root: string,
  { tree, env, run }: Place,
): Promise<{ interpreter: Interpreter; needsHome: boolean }> {
  const libraries = neededDirectories(root, real, []).map(name => join(tree, name));
  const path = [...libraries, ...(env.LD_LIBRARY_PATH ? [env.LD_LIBRARY_PATH] : [])].join(':');
  const { PYTHONHOME, ...rest } = env;
  const without = path === '' ? rest : { ...rest, LD_LIBRARY_PATH: path };
  const hasLibrary = hasStandardLibrary(root);
  let failure: unknown;
  try {
    const interpreter = await askInterpreter(file, without, run);
    if (isBelow(interpreter.stdlib, root) || !hasLibrary) return { interpreter, needsHome: false };
  } catch (error) {
    if (!hasLibrary) throw error;
    failure = error;
  }
  try {
    const interpreter = await askInterpreter(file, { ...without, PYTHONHOME: tree }, run);
    return { interpreter, needsHome: true };
  } catch (error) {
    throw failure ?? error;
  }
}

/** Whether a standard library is there, as files or zipped: Python's own landmarks for it. */
function hasStandardLibrary(root: string): boolean {
  const files = pythonDirectories(root).flatMap(({ path }) => entriesOf(path, /^os\.pyc?$/));
  const zips = ['lib', 'lib64'].flatMap(lib => entriesOf(join(root, lib), /^python3\d+t?\.zip$/));
  return files.length > 0 || zips.length > 0;
}

function isBelow(path: string, root: string): boolean {
  const real = realPath(path) ?? path;
  return real === root || real.startsWith(`${root}/`);
}

/**
 * The text of a `pyvenv.cfg`.
 * @param home directory of the base's interpreter
 * @param shared whether the packages of the base are seen
 */
export function configuration(home: string, shared: boolean): string {
  return `home = ${home}\ninclude-system-site-packages = ${shared}\n`;
}

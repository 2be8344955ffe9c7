/**
 * The command line of python-mpi-bundle: words in, a request out.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { DEFAULT_EXCLUDES } from '../bundle/exclude.ts';
import type { Request } from '../bundle/make.ts';
import type { Source } from '../bundle/source.ts';
import { PythonMpiError } from '../errors.ts';
import { parseWith } from './commander.ts';

/** Zip's and wheels' earliest time: late enough for every file system and tool. */
const DEFAULT_MTIME = Date.UTC(1980, 0, 1) / 1000;
const DEFAULT_TIMEOUT_SECONDS = 3600;
/** A login node is shared by all its users. */
const MOST_JOBS = 16;

export type BundleCommand =
  | { do: 'print'; text: string }
  | { do: 'list'; file: string }
  | { do: 'make'; request: Request; timeoutMs: number };

const HELP = `
Sources may be given in any mix and more than once; later ones override earlier ones.
  python-mpi-bundle -o env.tar.zst --venv env --with-base
  python-mpi-bundle -o science.tar.gz --pip numpy scipy
  python-mpi-bundle -o mpi4py.tar.gz --no-deps --pip mpi4py
  python-mpi-bundle -o code.tar.gz --dir code --at lib/mycode
  python-mpi-bundle -o - --pip numpy | ssh cluster 'cat > numpy.tar.zst'
  python-mpi-bundle -o used.tar.zst --venv env --with-base --trace "python script.py"
  python-mpi-bundle --list env.tar.zst

The output's suffix decides: .tar.zst (also without one), .tar.gz for everything that reads
tarballs, or .tar; standard output gets .tar.zst, when all of it has been made in TMPDIR. All times in it are SOURCE_DATE_EPOCH or 1980-01-01, all owners 0: the same input
gives the same bytes. Byte code is made now and never compared with its source again: use
--source-only to edit on the node.

Python looks for modules in lib/python3.X/site-packages: --dir . --at lib/python3.11/site-packages.
A package (a directory with __init__.py) that --at puts elsewhere is linked there.

Left out by default (not with --no-default-excludes):
  ${DEFAULT_EXCLUDES.join(' ')
    .replace(/(.{1,96})( |$)/g, '$1\n  ')
    .trimEnd()}
A pattern without a slash is a name at any depth, one with a slash begins at the prefix; ** spans directories.
`;

/**
 * @param argv arguments after the program's name
 * @throws PythonMpiError USAGE
 */
export async function parseBundleCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  version: string,
): Promise<BundleCommand> {
  const { Command } = await import('commander');
  const sources: Source[] = [];
  const requirements: string[] = [];
  const exclude: string[] = [];
  const include: string[] = [];

  const pip = (...words: string[]) => {
    // All requirements are resolved together, where the first of them stood.
    if (requirements.length === 0) sources.push({ kind: 'pip', requirements });
    requirements.push(...words);
  };
  const place = (at: string) => {
    const last = sources.at(-1);
    if (last?.kind !== 'directory' || last.at !== '')
      throw usage('--at follows the --dir that it is about');
    last.at = relativePath(at);
  };
  const command = new Command('python-mpi-bundle')
    .usage('-o FILE SOURCE...')
    .description('Make a package: a tarball that python-mpi broadcasts and unpacks.')
    .helpOption('--help', 'show this help')
    .version(version, '--version', 'show the version')
    .option('-o, --output <file>', 'the package to write; "-" for standard output')
    .option(
      '--prefix <dir>',
      'an installed Python, conda environment or module tree; of /usr only the Python',
      directory => sources.push({ kind: 'prefix', directory }),
    )
    .option('--venv <dir>', 'a virtual environment', directory =>
      sources.push({ kind: 'venv', directory }),
    )
    .option(
      '--pip <requirement...>',
      'what pip would install: names, wheels, project directories',
      word => pip(word),
    )
    .option('-r, --requirement <file>', "a requirements file, as pip's -r", file => pip('-r', file))
    .option('--no-deps', 'with --pip: install what is named and nothing that it needs')
    .option('--dir <dir>', 'a plain directory', directory =>
      sources.push({ kind: 'directory', directory, at: '' }),
    )
    .option(
      '--at <path>',
      'where in the prefix the last --dir goes (default: its top); where Python looks see below',
      place,
    )
    .option('--user-base', "the user's own packages (pip install --user)", () =>
      sources.push({ kind: 'user-base' }),
    )
    .option('--with-base', 'bring the interpreter and standard library of --venv and --pip too')
    .option(
      '--with-libs [all]',
      'bring shared libraries from outside; "all": those of the system too, but for the C library',
    )
    .option('--trace <command>', 'run this once and keep only the modules it used')
    .option(
      '--python <program>',
      'Python for pip and the user base, and for compiling where none is bundled (default: that of the sources, else python3)',
    )
    .option('--source-only', 'no byte code')
    .option('--exclude <pattern>', 'leave out what matches', pattern => exclude.push(pattern))
    .option('--include <pattern>', 'keep what matches, whatever is excluded', pattern =>
      include.push(pattern),
    )
    .option('--no-default-excludes', 'leave out nothing but what --exclude says')
    .option(
      '--level <n>',
      'compression level: 1 to 9 for gzip (6), 1 to 19 for zstd (9)',
      wholeNumber,
    )
    .option(
      '--jobs <n>',
      `programs and threads to use (default: all processors, up to ${MOST_JOBS})`,
      wholeNumber,
    )
    .option(
      '--timeout <seconds>',
      `give up after this long (${DEFAULT_TIMEOUT_SECONDS})`,
      wholeNumber,
    )
    .option('--list <file>', 'print what a package holds')
    .addHelpText('after', HELP);
  const print = parseWith(command, argv);
  if (print !== undefined) return { do: 'print', text: print };
  const options = command.opts<Options>();
  if (!options.deps && requirements.length > 0) requirements.unshift('--no-deps');
  if (options.list !== undefined) return { do: 'list', file: options.list };
  if (options.output === undefined) throw usage('no output: -o FILE is missing');
  if (sources.length === 0) throw usage('no source to bundle');
  if (options.trace !== undefined && requirements.length > 0) {
    throw new PythonMpiError(
      'USAGE',
      '--trace needs sources that stay, for what the package will miss',
      {
        hint: 'pip install into a virtual environment and use --venv',
      },
    );
  }
  const request: Request = {
    sources,
    output: options.output,
    level: options.level,
    selection: { defaults: options.defaultExcludes, exclude, include },
    withBase: options.withBase ?? false,
    withLibs: libraries(options.withLibs),
    sourceOnly: options.sourceOnly ?? false,
    trace: options.trace,
    python: options.python?.includes('/') ? resolve(options.python) : options.python,
    mtime: epoch(env.SOURCE_DATE_EPOCH),
    width: Math.max(1, options.jobs ?? Math.min(MOST_JOBS, availableParallelism())),
  };
  return { do: 'make', request, timeoutMs: (options.timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1000 };
}

interface Options {
  output?: string;
  list?: string;
  withBase?: true;
  withLibs?: true | string;
  trace?: string;
  python?: string;
  sourceOnly?: true;
  deps: boolean;
  defaultExcludes: boolean;
  level?: number;
  jobs?: number;
  timeout?: number;
}

function usage(message: string): PythonMpiError {
  return new PythonMpiError('USAGE', message, { hint: "see 'python-mpi-bundle --help'" });
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw usage(`'${text}' is not a whole number`);
}

function libraries(which: true | string | undefined): Request['withLibs'] {
  if (which === undefined) return 'none';
  if (which === true) return 'foreign';
  if (which === 'all') return 'all';
  throw usage(`--with-libs takes 'all' or nothing, not '${which}'`);
}

/** A path within the prefix, without `.` and trailing slashes. */
function relativePath(path: string): string {
  const names = path.split('/').filter(name => name !== '' && name !== '.');
  if (path.startsWith('/') || names.includes('..')) throw usage(`--at ${path} leaves the prefix`);
  return names.join('/');
}

function epoch(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_MTIME;
  if (/^-?\d{1,11}$/.test(text)) return Number(text);
  throw new PythonMpiError('USAGE', `SOURCE_DATE_EPOCH is '${text}'`, {
    hint: 'it must be seconds since 1970',
  });
}

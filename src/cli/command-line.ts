/**
 * The command line of python-mpi: our long options first, then Python's own words, byte for byte.
 *
 * The boundary is found here, by what our options are; commander is loaded only when there is an option of
 * ours to parse, because every rank pays for it.
 */
import { PythonMpiError } from '../errors.ts';
import { parseWith } from './commander.ts';
import { SETTINGS, type Setting, type SettingName, variableOf } from './configuration.ts';

export interface CommandLine {
  options: Partial<Record<SettingName, string>>;
  /** Ranks to start with the embedded launcher; undefined when `-n` was not given. */
  ranks: number | undefined;
  /** Report on the script instead of running it. */
  check: boolean;
  /** Everything that belongs to Python. */
  python: readonly string[];
  /** Text to print instead of running anything. */
  print: string | undefined;
}

/** Python's own long options; any other one that is not ours is a mistake. */
const PYTHON_LONG = ['--check-hash-based-pycs', '--help-env', '--help-xoptions', '--help-all'];

/** Most ranks the embedded launcher starts: it is for one machine. */
const MAX_LOCAL_RANKS = 4096;

/** Index of the first argument that is Python's. */
function boundary(argv: readonly string[]): number {
  let i = 0;
  while (i < argv.length) {
    const word = argv[i]!;
    if (word === '-n') {
      i += 2;
      continue;
    }
    if (/^-n\d+$/.test(word) || ['--help', '--version', '--check'].includes(word)) {
      i++;
      continue;
    }
    if (!word.startsWith('--') || word === '--' || PYTHON_LONG.includes(word.split('=')[0]!)) break;
    const setting: Setting | undefined = SETTINGS.find(s => s.name === word.slice(2).split('=')[0]);
    // An unknown one is left for commander to complain about.
    i += setting?.value === undefined || word.includes('=') ? 1 : 2;
  }
  return Math.min(i, argv.length);
}

/**
 * @param argv arguments after the program's name
 * @throws PythonMpiError USAGE
 */
export async function parseCommandLine(
  argv: readonly string[],
  version: string,
): Promise<CommandLine> {
  const end = boundary(argv);
  const python = argv.slice(end);
  if (end === 0) return { options: {}, ranks: undefined, check: false, python, print: undefined };

  const { Command } = await import('commander');
  const command = new Command('python-mpi')
    .usage('[options] [python options] (script.py | -c CODE | -m MODULE) [args...]')
    .description(
      'Start Python on every rank of a job, from packages broadcast to node-local memory.',
    )
    .helpOption('--help', 'show this help')
    .version(version, '--version', 'show the version')
    .option('--check', 'say what the script would look up on shared file systems; start nothing')
    .option('-n <ranks>', 'start this many local ranks; only under no launcher')
    .addHelpText('after', helpTail());
  for (const setting of SETTINGS as readonly Setting[]) {
    const flags =
      setting.value === undefined ? `--${setting.name}` : `--${setting.name} <${setting.value}>`;
    command.option(flags, setting.help);
  }
  const print = parseWith(command, argv.slice(0, end));
  const { n, check = false, ...given } = command.opts<Record<string, string | true>>();
  const options = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [dashed(name), String(value)]),
  );
  const ranks = n === undefined ? undefined : rankCount(String(n));
  return { options, ranks, check: check === true, python, print };
}

/** The long option that commander calls by this attribute. */
function dashed(attribute: string): string {
  return attribute.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}

function rankCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= MAX_LOCAL_RANKS) return count;
  throw new PythonMpiError('USAGE', `-n is '${text}'`, {
    hint: `it must be a number of ranks from 1 to ${MAX_LOCAL_RANKS}`,
  });
}

function helpTail(): string {
  const names = SETTINGS.map(setting => variableOf(setting.name)).join(' ');
  return `
Everything from the first word that is none of these options belongs to Python.
Every option can be set once in a job script by a variable of its name, and the option wins:
  ${names.replace(/(.{1,90})( |$)/g, '$1\n  ').trimEnd()}

  srun python-mpi script.py             one word in front of the script, under any launcher
  python-mpi -n 4 script.py             four ranks on this machine, no launcher needed
`;
}

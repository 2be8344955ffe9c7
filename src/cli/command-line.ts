/**
 * The command line of python-mpi: our long options first, then Python's own words, byte for byte.
 *
 * Words that are right are read here, because every rank does it; commander is loaded for the
 * others, to tell the user what is wrong or what there is.
 */
import { existsSync } from 'node:fs';
import { PythonMpiError } from '../errors.ts';
import { parseWith } from './commander.ts';
import { SETTINGS, type Setting, type SettingName, variableOf } from './configuration.ts';

export interface CommandLine {
  options: Partial<Record<SettingName, string>>;
  /** Ranks to start with the embedded launcher; undefined when `-n` was not given. */
  ranks: number | undefined;
  /** Report on the script instead of running it. */
  check: boolean;
  /** That report is for programs. */
  json: boolean;
  /** Print what a report of a problem needs, instead of running anything. */
  diagnose: boolean;
  /** Everything that belongs to Python. */
  python: readonly string[];
  /** Text to print instead of running anything. */
  print: string | undefined;
}

/** Python's own long options; any other one that is not ours is a mistake. */
export const PYTHON_LONG = [
  '--check-hash-based-pycs',
  '--help-env',
  '--help-xoptions',
  '--help-all',
];

/** Most ranks the embedded launcher starts: it is for one machine. */
const MAX_LOCAL_RANKS = 4096;

/** What the words before Python's say. */
interface Words {
  /** Index of the first argument that is Python's. */
  end: number;
  options: Partial<Record<SettingName, string>>;
  ranks: string | undefined;
  check: boolean;
  json: boolean;
  diagnose: boolean;
  /** Some are not understood, or ask for something to be printed. */
  unclear: boolean;
}

function read(argv: readonly string[]): Words {
  const words: Words = {
    end: 0,
    options: {},
    ranks: undefined,
    check: false,
    json: false,
    diagnose: false,
    unclear: false,
  };
  let i = 0;
  while (i < argv.length) {
    const word = argv[i++]!;
    if (word === '-n') words.ranks = argv[i++];
    else if (/^-n\d+$/.test(word)) words.ranks = word.slice(2);
    else if (word === '--check') words.check = true;
    else if (word === '--json') words.json = true;
    else if (word === '--diagnose') words.diagnose = true;
    else if (!word.startsWith('--') || word === '--' || isPythons(word)) break;
    else {
      const [name, ...value] = word.slice(2).split('=');
      const setting: Setting | undefined = SETTINGS.find(s => s.name === name);
      const given = value.length > 0 ? value.join('=') : undefined;
      const taken = given ?? (setting?.value === undefined ? 'true' : (argv[i++] ?? ''));
      if (setting === undefined) words.unclear = true;
      else words.options[setting.name as SettingName] = taken;
    }
    words.end = i;
  }
  // A word that should follow may be missing.
  words.unclear ||= words.end > argv.length;
  words.end = Math.min(words.end, argv.length);
  return words;
}

function isPythons(word: string): boolean {
  return PYTHON_LONG.includes(word.split('=')[0]!);
}

/**
 * @param argv arguments after the program's name
 * @throws PythonMpiError USAGE
 */
export async function parseCommandLine(
  argv: readonly string[],
  version: string,
): Promise<CommandLine> {
  const words = read(argv);
  const python = argv.slice(words.end);
  const print = words.unclear ? await speak(argv.slice(0, words.end), version) : undefined;
  checkForOthersWords(python[0] ?? '');
  const { options, check, json, diagnose } = words;
  const ranks = words.ranks === undefined ? undefined : rankCount(words.ranks);
  return { options, ranks, check, json, diagnose, python, print };
}

/**
 * Habits from other launchers, which Python would answer with riddles.
 * @param word the first of Python's own
 * @throws PythonMpiError USAGE
 */
function checkForOthersWords(word: string): void {
  if (/^-np\d*$/.test(word)) {
    throw new PythonMpiError('USAGE', `there is no option ${word}`, {
      hint: 'the number of local ranks is given with -n',
    });
  }
  const isPython = /(^|\/)python[\d.]*$/.test(word);
  if (!isPython || (!word.includes('/') && existsSync(word))) return;
  throw new PythonMpiError('USAGE', `'${word}' is given as the script`, {
    hint: 'leave it out: python-mpi starts the Python (another one with --python)',
  });
}

/**
 * Has commander read words of which some are unclear.
 * @returns what is to be printed
 * @throws PythonMpiError USAGE
 */
async function speak(words: readonly string[], version: string): Promise<string | undefined> {
  const { Command } = await import('commander');
  const command = new Command('python-mpi')
    .usage('[options] [python options] (script.py | -c CODE | -m MODULE) [args...]')
    .description(
      'Start Python on every rank of a job, from packages broadcast to node-local memory.',
    )
    .helpOption('--help', 'show this help')
    .version(version, '--version', 'show the version')
    .option('--check', 'say what the script would look up on shared file systems; start nothing')
    .option('--json', 'with --check: as JSON')
    .option('--diagnose', 'print what a report of a problem needs; start nothing')
    .option('-n <ranks>', 'start this many local ranks; only under no launcher')
    .addHelpText('after', helpTail());
  for (const setting of SETTINGS as readonly Setting[]) {
    const flags =
      setting.value === undefined ? `--${setting.name}` : `--${setting.name} <${setting.value}>`;
    command.option(flags, setting.help);
  }
  return parseWith(command, words);
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

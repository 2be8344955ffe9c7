/**
 * The command line of python-mpi-bcast: words in, a broadcast out.
 */
import { basename, dirname, resolve } from 'node:path';
import { PythonMpiError } from '../errors.ts';
import type { BcastResult, Destination } from '../launch/bcast/bcast.ts';
import { parseWith } from './commander.ts';
import type { SettingName } from './configuration.ts';

export interface BcastCommand {
  sources: readonly string[];
  destination: Destination;
  extract: boolean;
  replace: boolean;
  /** Settings shared with python-mpi, for configure(). */
  options: Partial<Record<SettingName, string>>;
}

const HELP = `
One source becomes DEST, as with sbcast; with a slash at its end, or more than one source, DEST is
a directory that they go into under their own names. Missing directories are made.
  srun python-mpi-bcast solver /tmp/solver
  srun python-mpi-bcast input.h5 tables/ /dev/shm/run/
  srun python-mpi-bcast --extract env.tar.zst /tmp/env

Nothing is sent to a node that holds the same already, and of a tree that all nodes hold only what
has changed since: as with rsync, a file is the same when its path, size, permissions and time are.
PYTHON_MPI_LAUNCHER, PYTHON_MPI_INTERFACE, PYTHON_MPI_TIMEOUT, PYTHON_MPI_ENCRYPT and
PYTHON_MPI_VERBOSE work as for python-mpi.
`;

/**
 * @param argv arguments after the program's name
 * @returns the command, or text to print instead
 * @throws PythonMpiError USAGE
 */
export async function parseBcastCommand(
  argv: readonly string[],
  cwd: string,
  version: string,
): Promise<BcastCommand | { print: string }> {
  const { Command } = await import('commander');
  const command = new Command('python-mpi-bcast')
    .usage('[options] FILE|DIR... DEST')
    .description('Copy files or directory trees to every node of a job.')
    .argument('<path...>')
    .helpOption('--help', 'show this help')
    .version(version, '--version', 'show the version')
    .option(
      '--extract',
      'unpack the sources, which are packages (.tar, .tar.gz, .tar.zst), into DEST',
    )
    .option('--replace', 'remove what is in the way at DEST and not in the copy')
    .option('--launcher <name>', 'do not detect the launcher, it is this one')
    .option('--interface <name>', 'network interface to listen and be reached at')
    .option('--port-range <first-last>', 'TCP ports to listen on')
    .option('--tree <shape>', 'auto, binomial, binary or chain (default auto)')
    .option('--timeout <seconds>', 'longest time it may take (default 600)')
    .option('--encrypt', 'encipher the files, too, on their way between nodes')
    .option('--verbose', 'tell the story on stderr')
    .addHelpText('after', HELP);
  const print = parseWith(command, argv);
  if (print !== undefined) return { print };
  const { extract = false, replace = false, ...given } = command.opts<Options>();
  const sources = command.args.slice(0, -1);
  const options = Object.fromEntries(
    // commander makes portRange of --port-range.
    Object.entries(given).map(([name, value]) => [
      name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`),
      String(value),
    ]),
  );
  return {
    sources: sources.map(path => resolve(cwd, path)),
    destination: destinationOf(sources, command.args.at(-1)!, extract, cwd),
    extract,
    replace,
    options,
  };
}

type Options = { extract?: true; replace?: true } & Partial<Record<SettingName, string | true>>;

/**
 * Where sources go. It must not depend on what is there already: all nodes have to come to the same
 * answer, and a second run to the same as the first.
 * @throws PythonMpiError USAGE
 */
function destinationOf(
  sources: readonly string[],
  destination: string,
  extract: boolean,
  cwd: string,
): Destination {
  if (sources.length === 0) throw usage('no destination: DEST is missing');
  const path = resolve(cwd, destination);
  if (extract || (sources.length === 1 && !destination.endsWith('/'))) {
    if (path === '/') throw usage('the root directory cannot be replaced');
    return { directory: dirname(path), names: [basename(path)] };
  }
  const names = sources.map(source => basename(resolve(cwd, source)));
  const twice = names.find((name, index) => name === '' || names.indexOf(name) !== index);
  if (twice !== undefined) throw usage(`two sources would become ${resolve(path, twice)}`);
  return { directory: path, names };
}

function usage(message: string): PythonMpiError {
  return new PythonMpiError('USAGE', message, { hint: "see 'python-mpi-bcast --help'" });
}

/** What the user is told at the end. */
export function summary({ bytes, nodes, held, milliseconds }: BcastResult): string {
  const count = (n: number) => `${n} node${n === 1 ? '' : 's'}`;
  const seconds = milliseconds / 1000;
  if (held === nodes)
    return `${count(nodes)} had it already, nothing sent; ${seconds.toFixed(2)} s\n`;
  const rate = (bytes / 1e6 / seconds).toFixed(1);
  const others = held > 0 ? `; ${count(held)} had it already` : '';
  return `${bytes} bytes to ${count(nodes - held)} in ${seconds.toFixed(2)} s, ${rate} MB/s${others}\n`;
}

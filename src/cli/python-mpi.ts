/**
 * The program python-mpi: command line and environment in, exit status or signal out. The only place that
 * prints an error or ends the process.
 */
import packageJson from '../../package.json' with { type: 'json' };
import { now } from '../deadline.ts';
import { asPythonMpiError, type PythonMpiError } from '../errors.ts';
import { endBy } from '../exec/signals.ts';
import { type Configuration, JobFailed } from '../launch/run.ts';
import { launch } from '../launch.ts';
import { type Log, silent, verbose } from '../log.ts';
import { parseCommandLine } from './command-line.ts';
import { configure, variablesOf } from './configuration.ts';
import { janitor } from './janitor-command.ts';

const PROGRAM = 'python-mpi';

function complain(error: PythonMpiError): void {
  process.stderr.write(`${PROGRAM}: ${error.toLine()}\n`);
}

/** Shorter broadcasts than this pass without a word, in milliseconds. */
const PATIENCE_MS = 1000;

/** A line on the terminal that says how far a long broadcast has come, and goes away at its end. */
function showProgress(start: number): (done: number, total: number) => void {
  let shown = 0;
  return (done, total) => {
    if (now() - Math.max(start, shown) < PATIENCE_MS && !(done === total && shown > 0)) return;
    shown = now();
    const text =
      done < total
        ? `${PROGRAM}: ${(done / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`
        : '';
    process.stderr.write(`\r\x1b[K${text}`);
  };
}

/** The first rank, as far as the environment tells before anything was detected: it speaks for the job. */
function isFirstRank(env: NodeJS.ProcessEnv): boolean {
  const rank =
    env.PMI_RANK ??
    env.PMI_ID ??
    env.PMIX_RANK ??
    env.OMPI_COMM_WORLD_RANK ??
    env.PALS_RANKID ??
    env.ALPS_APP_PE ??
    env.SLURM_PROCID;
  return rank === undefined || rank === '0';
}

/**
 * Ends the process at once. Not by exit(3): a thread may be blocked in a read from a launcher that does not
 * answer, and exit would wait for it.
 */
function leave(status: number): never {
  process.execve?.('/bin/sh', ['sh', '-c', `exit ${status}`], {});
  process.exit(status);
}

async function main(): Promise<void> {
  const env = process.env;
  let configuration: Configuration;
  let line: Awaited<ReturnType<typeof parseCommandLine>>;
  try {
    line = await parseCommandLine(process.argv.slice(2), packageJson.version);
    if (line.print !== undefined) {
      process.stdout.write(line.print);
      return;
    }
    configuration = configure(line.options, env, process.cwd());
  } catch (thrown) {
    const error = asPythonMpiError(thrown);
    if (isFirstRank(env)) complain(error);
    leave(error.status);
  }
  let who = '';
  const log: Log = configuration.verbose ? verbose(() => who, now()) : silent;
  try {
    const outcome = await launch({
      configuration,
      python: line.python,
      ranks: line.ranks,
      env,
      settings: variablesOf(line.options),
      self: [process.execPath, ...process.execArgv, process.argv[1]!],
      janitor,
      log,
      progress: process.stderr.isTTY ? showProgress(now()) : () => {},
      introduce: name => {
        who = name;
      },
      complain,
    });
    if (outcome.signal !== undefined) endBy(outcome.signal);
    else process.exit(outcome.status);
  } catch (thrown) {
    if (thrown instanceof JobFailed) leave(thrown.error.status);
    const error = asPythonMpiError(thrown);
    complain(error);
    leave(error.status);
  }
}

void main();

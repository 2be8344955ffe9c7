/**
 * The program python-mpi: command line and environment in, exit status or signal out. The only place that
 * prints an error or ends the process.
 */
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { now } from '../deadline.ts';
import { asPythonMpiError } from '../errors.ts';
import { type Configuration, JobFailed } from '../launch/run.ts';
import { launch } from '../launch.ts';
import { type Log, silent, verbose } from '../log.ts';
import { parseCommandLine } from './command-line.ts';
import { configure, variablesOf } from './configuration.ts';
import { janitor } from './janitor-command.ts';
import { complainAs, isFirstRank, leave, leaveWith, progressOn, warnAs } from './rank.ts';

const PROGRAM = 'python-mpi';
/** What starts this program, as seen from `src/cli/` and from `dist/bin/`. */
const SELF = fileURLToPath(new URL(`../../bin/${PROGRAM}`, import.meta.url));

const complain = complainAs(PROGRAM);

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
    if (line.check) {
      const { check } = await import('../launch/check/check.ts');
      const report = await check(configuration, line.python, env, process.cwd());
      process.stdout.write(`${report.join('\n')}\n`);
      return;
    }
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
      self: [SELF],
      janitor,
      log,
      progress: progressOn(process.stderr, PROGRAM),
      introduce: name => {
        who = name;
      },
      complain,
      warn: warnAs(PROGRAM),
    });
    if (outcome.signal === undefined) process.exit(outcome.status);
    const { endBy } = await import('../exec/signals.ts');
    endBy(outcome.signal);
  } catch (thrown) {
    if (thrown instanceof JobFailed) leave(thrown.error.status);
    leaveWith(PROGRAM, thrown);
  }
}

void main();

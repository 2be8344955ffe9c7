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
import { replaceStreams, STDOUT, say } from '../output.ts';
import { parseCommandLine } from './command-line.ts';
import { configure, variablesOf } from './configuration.ts';
import { janitor } from './janitor-command.ts';
import { leave } from './leave.ts';
import { complainAs, isFirstRank, leaveWith, progressOf, warnAs } from './rank.ts';

const PROGRAM = 'python-mpi';
/** What starts this program, as seen from `src/cli/` and from `dist/bin/`. */
const SELF = fileURLToPath(new URL(`../../bin/${PROGRAM}`, import.meta.url));

const complain = complainAs(PROGRAM);

async function main(): Promise<never> {
  const env = process.env;
  let configuration: Configuration;
  let line: Awaited<ReturnType<typeof parseCommandLine>>;
  try {
    line = await parseCommandLine(process.argv.slice(2), packageJson.version);
    if (line.print !== undefined) {
      say(STDOUT, line.print);
      return leave(0);
    }
    configuration = configure(line.options, env, process.cwd());
    if (line.check) {
      const { check } = await import('../launch/check/check.ts');
      const report = await check(configuration, line.python, env, process.cwd());
      say(STDOUT, `${report.join('\n')}\n`);
      return leave(0);
    }
  } catch (thrown) {
    const error = asPythonMpiError(thrown);
    if (isFirstRank(env)) complain(error);
    return leave(error.status);
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
      progress: progressOf(PROGRAM),
      introduce: name => {
        who = name;
      },
      complain,
      warn: warnAs(PROGRAM),
    });
    leave(outcome.signal ?? outcome.status);
  } catch (thrown) {
    if (thrown instanceof JobFailed) return leave(thrown.error.status);
    return leaveWith(PROGRAM, thrown);
  }
}

replaceStreams();
void main();

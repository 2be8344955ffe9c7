/**
 * The program python-mpi-bcast: command line and environment in, copies on all nodes and an exit status out.
 */
import packageJson from '../../package.json' with { type: 'json' };
import { now } from '../deadline.ts';
import { asPythonMpiError } from '../errors.ts';
import { broadcast } from '../launch/bcast/bcast.ts';
import { JobFailed } from '../launch/run.ts';
import { silent, verbose } from '../log.ts';
import { replaceStreams, STDOUT, say } from '../output.ts';
import { parseBcastCommand, summary } from './bcast.ts';
import { configure } from './configuration.ts';
import { janitor } from './janitor-command.ts';
import { leave } from './leave.ts';
import { complainAs, isFirstRank, leaveWith, progressOf } from './rank.ts';

const PROGRAM = 'python-mpi-bcast';
const complain = complainAs(PROGRAM);

async function prepare(env: NodeJS.ProcessEnv) {
  const command = await parseBcastCommand(
    process.argv.slice(2),
    process.cwd(),
    packageJson.version,
  );
  if ('print' in command) return command;
  return { ...command, configuration: configure(command.options, env, process.cwd()) };
}

async function main(): Promise<never> {
  const env = process.env;
  const command = await prepare(env).catch(thrown => {
    const error = asPythonMpiError(thrown);
    if (isFirstRank(env)) complain(error);
    return leave(error.status);
  });
  if ('print' in command) {
    say(STDOUT, command.print);
    return leave(0);
  }
  const { configuration, sources, destination, extract, replace } = command;
  let who = '';
  try {
    await broadcast({
      configuration,
      sources,
      destination,
      extract,
      replace,
      env,
      janitor,
      log: configuration.verbose ? verbose(() => who, now()) : silent,
      progress: progressOf(PROGRAM),
      introduce: name => {
        who = name;
      },
      complain,
      report: report => say(STDOUT, summary(report)),
    });
    return leave(0);
  } catch (thrown) {
    if (thrown instanceof JobFailed) return leave(thrown.error.status);
    return leaveWith(PROGRAM, thrown);
  }
}

replaceStreams();
void main();

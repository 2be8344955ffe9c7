/**
 * The program python-mpi-bcast: command line and environment in, copies on all nodes and an exit
 * status out.
 */
import packageJson from '../../package.json' with { type: 'json' };
import { broadcast } from '../launch/bcast/bcast.ts';
import { replaceStreams, STDOUT, say } from '../output.ts';
import { parseBcastCommand, summary } from './bcast.ts';
import { configure } from './configuration.ts';
import { janitor } from './janitor-command.ts';
import { leave } from './leave.ts';
import { leaveWith, voiceOf } from './rank.ts';

const PROGRAM = 'python-mpi-bcast';

async function main(env: NodeJS.ProcessEnv): Promise<number> {
  const cwd = process.cwd();
  const command = await parseBcastCommand(process.argv.slice(2), cwd, packageJson.version);
  if ('print' in command) {
    say(STDOUT, command.print);
    return 0;
  }
  const { sources, destination, extract, replace } = command;
  const configuration = configure(command.options, env, cwd);
  await broadcast({
    configuration,
    sources,
    destination,
    extract,
    replace,
    env,
    janitor,
    ...voiceOf(PROGRAM, configuration.verbose),
    report: result => say(STDOUT, summary(result)),
  });
  return 0;
}

replaceStreams();
main(process.env).then(leave, thrown => leaveWith(PROGRAM, process.env, thrown));

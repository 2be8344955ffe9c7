/**
 * The program python-mpi: command line and environment in, exit status or signal out.
 */
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { STATUS } from '../errors.ts';
import { Starter } from '../exec/starter.ts';
import { launch } from '../launch.ts';
import { replaceStreams, STDOUT, say } from '../output.ts';
import { EMBEDDED } from '../pmi/launchers/embedded.ts';
import { isFirstRank } from '../pmi/rank-variables.ts';
import { parseCommandLine } from './command-line.ts';
import { configure } from './configuration.ts';
import { janitor } from './janitor-command.ts';
import { leave } from './leave.ts';
import { informAs, leaveWith, voiceOf, warnAs } from './rank.ts';
import { unknownVariables } from './variables.ts';

const PROGRAM = 'python-mpi';
/** What the starter says of itself: starter/lead.c. */
const STARTER = 'PYTHON_MPI_STARTER';
/** What starts this program, as seen from `src/cli/` and from `dist/bin/`. */
const SELF = fileURLToPath(new URL(`../../bin/${PROGRAM}`, import.meta.url));

async function main(env: NodeJS.ProcessEnv): Promise<number | NodeJS.Signals> {
  const cwd = currentDirectory();
  const line = await parseCommandLine(process.argv.slice(2), packageJson.version);
  if (line.print !== undefined) {
    say(STDOUT, line.print);
    return 0;
  }
  const configuration = configure(line.options, env, cwd);
  if (line.check) {
    const { check } = await import('../launch/check/check.ts');
    const { findings, lines } = await check(configuration, line.python, env, cwd);
    say(
      STDOUT,
      line.json ? `${JSON.stringify({ ...findings, lines })}\n` : `${lines.join('\n')}\n`,
    );
    return 0;
  }
  if (line.diagnose) {
    const { diagnose } = await import('../launch/diagnose.ts');
    const report = await diagnose(configuration, env, packageJson.version);
    say(STDOUT, `${report.join('\n')}\n`);
    return 0;
  }
  const warn = warnAs(PROGRAM);
  for (const name of unknownVariables(env)) {
    // The ranks of -n were started by one that has said it.
    if (isFirstRank(env) && env[EMBEDDED] === undefined)
      warn(`${name} is no setting of python-mpi`);
  }
  const starter = starterOf(env);
  const outcome = await launch({
    configuration,
    starter,
    python: line.python,
    // A rank of our own launcher has the same words.
    ranks: starter === undefined ? line.ranks : undefined,
    env,
    self: [SELF],
    janitor,
    ...voiceOf(PROGRAM, configuration.verbose),
    warn,
    inform: configuration.quiet ? () => {} : informAs(PROGRAM),
  });
  // The starter ends as Python does.
  if (outcome === undefined || starter !== undefined) return 0;
  return outcome.signal ?? outcome.status;
}

/**
 * The starter that this program runs beside, which says so in the environment; not to what we
 * start.
 */
function starterOf(env: NodeJS.ProcessEnv): Starter | undefined {
  const origin = env[STARTER];
  delete env[STARTER];
  // A starter that was killed has taken Python along, and the janitor takes care of the rest.
  return origin === undefined ? undefined : new Starter(origin, () => leave(STATUS.CANCELLED));
}

/** The directory that paths start from; one that is gone is told of by Python. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

replaceStreams();
main(process.env).then(leave, thrown => leaveWith(PROGRAM, process.env, thrown));

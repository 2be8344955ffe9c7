/**
 * One rank's run, as a story: find the others, stage, become Python, and leave nothing behind.
 *
 * With its parts in launch/ this is the only place that knows more than one wing.
 */
import { hostname } from 'node:os';
import { Deadline } from './deadline.ts';
import { asPythonMpiError } from './errors.ts';
import { become, type Outcome, shellStatus, supervise } from './exec/python.ts';
import { launchLocally } from './launch/embedded.ts';
import { follow } from './launch/follower.ts';
import { lead } from './launch/leader.ts';
import { rosterOf } from './launch/roster.ts';
import { JobFailed, type Run, type Staged } from './launch/run.ts';
import { detect } from './pmi/detect.ts';
import type { Rendezvous } from './pmi/rendezvous.ts';
import { pythonProgram } from './stage/environment.ts';

/**
 * Runs Python on this rank.
 * @returns how Python ended, or the status of an error the user has been told of; never, when this
 *   process became Python
 * @throws PythonMpiError for an error that only this rank knows
 */
export async function launch(run: Run): Promise<Outcome> {
  const { configuration, env, log } = run;
  const deadline = Deadline.after(configuration.timeout);
  const method = detect(env, log, configuration.launcher);
  if (run.ranks !== undefined) return launchLocally(run, method.name);

  const rendezvous = await method.open(deadline);
  const { rank, size } = rendezvous.placement;
  run.introduce(`${hostname()}/${rank}`);
  log(`rank ${rank} of ${size}, launched by ${rendezvous.launcher} (${rendezvous.why})`);

  let staged: Staged;
  try {
    staged = await stage(run, rendezvous, deadline);
  } catch (thrown) {
    return giveUp(run, rendezvous, thrown);
  }
  return handOver(run, rendezvous, staged);
}

/** Brings the packages to this node, or waits for its leader to do so. */
function stage(run: Run, rendezvous: Rendezvous, deadline: Deadline): Promise<Staged> | Staged {
  if (run.configuration.packages.length === 0) {
    run.log('no packages: nothing to stage');
    return { directory: undefined, release: undefined };
  }
  const roster = rosterOf(rendezvous.placement);
  return roster.leads
    ? lead(run, rendezvous, roster, deadline)
    : follow(rendezvous, roster, deadline);
}

/** Python will not run: tells the launcher, and the user of what only this rank knows. */
async function giveUp(run: Run, rendezvous: Rendezvous, thrown: unknown): Promise<Outcome> {
  if (thrown instanceof JobFailed) {
    // The root has told the user, and all ranks end by themselves.
    await rendezvous.finish({ status: 0, signal: undefined });
    return { status: thrown.error.status, signal: undefined };
  }
  const error = asPythonMpiError(thrown);
  error.host ??= hostname();
  run.complain(error);
  await rendezvous.abort(error.status);
  return { status: error.status, signal: undefined };
}

/** Becomes Python where nothing is left to do afterwards, else runs it and does that. */
async function handOver(run: Run, rendezvous: Rendezvous, staged: Staged): Promise<Outcome> {
  const { configuration, log } = run;
  const { descriptor, parentMustStay, env } = rendezvous.handOver;
  const python = pythonProgram(staged.directory, { ...run.env, ...env }, configuration.python);
  const program = { ...python, args: run.python, descriptor };
  if (!parentMustStay && staged.release === undefined) {
    log(`becomes ${program.file}`);
    become(program);
  }
  const child = await supervise(program);
  log(`runs ${program.file} as process ${child.pid}`);
  const outcome = await child.ended;
  if (shellStatus(outcome) !== 0) blame(run, rendezvous, outcome);
  await rendezvous.finish(outcome);
  await staged.release?.();
  return outcome;
}

/** In a job of several ranks the user wants to know which one ended it. */
function blame(run: Run, { placement }: Rendezvous, { status, signal }: Outcome): void {
  const how = signal === undefined ? `status ${status}` : signal;
  run.log(`rank ${placement.rank} of ${placement.size} ended with ${how}`);
}

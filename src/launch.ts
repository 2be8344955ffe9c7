/**
 * One rank's run, as a story: find the others, stage, become Python, and leave nothing behind.
 *
 * With its parts in launch/ this is the only place that knows more than one wing. Most ranks only
 * ask their leader, so what others do is loaded where it is done.
 */
import { Deadline, pause } from './deadline.ts';
import { self } from './exec/processes.ts';
import { become, supervise } from './exec/python.ts';
import { giveUp } from './launch/failure.ts';
import { follow } from './launch/follower.ts';
import { findNodeMap, type NodeMap } from './launch/rendezvous/node-map.ts';
import type { Run } from './launch/run.ts';
import { runUntil } from './launch/run-program.ts';
import { openSession } from './launch/session.ts';
import type { Staged } from './launch/staged.ts';
import type { Outcome } from './outcome.ts';
import { detect } from './pmi/detect.ts';
import type { LauncherSession } from './pmi/launcher.ts';
import { hookEnvironment } from './stage/abort-hook.ts';
import { changed, pythonProgram } from './stage/environment.ts';

/**
 * From Python's start to giving memory back, in milliseconds: a Python that is over by then had
 * better not wait for it.
 */
const SETTLE_MS = 2000;

/**
 * Runs Python on this rank.
 * @returns how Python ended; never, when this process became Python
 * @throws JobFailed when Python did not run and the user has been told why
 * @throws PythonMpiError for an error before the launcher was spoken to
 */
export async function launch(run: Run): Promise<Outcome> {
  const { configuration, env, log } = run;
  const deadline = Deadline.after(configuration.timeout);
  if (run.ranks !== undefined) {
    const { launchLocally } = await import('./launch/embedded.ts');
    return launchLocally(run, detect(env, log, configuration.launcher).name);
  }

  let session = await openSession(run, deadline);
  let nodeMap: NodeMap | undefined;
  let staged: Staged | undefined;
  let outcome: Outcome | undefined;
  try {
    if (configuration.packages.length > 0) {
      if (session.rendezvousFile !== undefined) {
        const { withKvs } = await import('./launch/rendezvous/kvs-server.ts');
        const only = configuration.interface;
        session = await withKvs(session, { only, deadline, log });
      }
      nodeMap = await findNodeMap(session);
      staged = await stage(run, session, nodeMap, deadline);
    }
    await session.settle();
    outcome = await handOver(run, session, deadline, staged);
  } catch (thrown) {
    throw await giveUp(run, { session, nodeMap, release: staged?.caretaker?.release }, thrown);
  }
  await session.finish(outcome);
  await staged?.caretaker?.release();
  return outcome;
}

/** Brings the packages to this node, or waits for its leader to do so. */
async function stage(
  run: Run,
  session: LauncherSession,
  nodeMap: NodeMap,
  deadline: Deadline,
): Promise<Staged> {
  if (nodeMap.leads) {
    const { lead } = await import('./launch/leader.ts');
    return lead(run, session, nodeMap, deadline);
  }
  const directory = await follow(run, session, nodeMap, deadline);
  return { directory, caretaker: undefined };
}

/** Becomes Python where nothing is left to do afterwards, else runs it until it ends. */
async function handOver(
  run: Run,
  session: LauncherSession,
  deadline: Deadline,
  { directory, caretaker }: Partial<Staged> = {},
): Promise<Outcome> {
  const { configuration, log } = run;
  const { descriptor, parentMustStay, env } = session.handOver;
  const surroundings = { ...run.env, ...env };
  const { file, changes } = await pythonProgram(
    directory,
    surroundings,
    configuration.python,
    runUntil(deadline),
  );
  const program = (role: 'self' | 'parent') => {
    const { rank, size } = session.placement;
    const { endCommand } = session;
    const which = { role, pid: self().pid };
    const hook = directory === undefined ? {} : hookEnvironment(rank, size, endCommand, which);
    return {
      file,
      args: run.python,
      descriptor,
      env: { ...changed(surroundings, changes), ...hook },
    };
  };
  if (!parentMustStay && caretaker === undefined) {
    log(`becomes ${file}`);
    become(program('self'));
  }
  const child = await supervise(program('parent'));
  log(`runs ${file} as process ${child.pid}`);
  caretaker?.started(child.pid);
  void giveMemoryBack(caretaker?.over);
  const outcome = await child.ended;
  caretaker?.ended();
  log(`Python ended with ${outcome.signal ?? `status ${outcome.status}`}`);
  return outcome;
}

/** Python may run for hours, beside memory that will not be used again. */
async function giveMemoryBack(over = Promise.resolve()): Promise<void> {
  await over;
  await pause(SETTLE_MS);
  const { collectGarbage } = await import('./exec/memory.ts');
  collectGarbage();
}

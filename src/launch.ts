/**
 * One rank's run, as a story: find the others, stage, become Python, and leave nothing behind.
 *
 * With its parts in launch/ this is the only place that knows more than one wing. Most ranks only
 * ask their leader, so what others do is loaded where it is done.
 */
import { Deadline, pause } from './deadline.ts';
import { PythonMpiError } from './errors.ts';
import type { Change } from './exec/changes.ts';
import { checkInterpreter } from './exec/executable.ts';
import type { Starter } from './exec/starter.ts';
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
import { HOOK } from './stage/abort-hook.ts';
import { type Changes, pythonProgram } from './stage/environment.ts';

/**
 * From Python's start to giving memory back, in milliseconds: a Python that is over by then had
 * better not wait for it.
 */
const SETTLE_MS = 2000;

/**
 * Runs Python on this rank.
 * @returns how Python ended; undefined when the starter becomes Python as soon as this process has
 *   ended
 * @throws JobFailed when Python did not run and the user has been told why
 * @throws PythonMpiError for an error before the launcher was spoken to
 */
export async function launch(run: Run): Promise<Outcome | undefined> {
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
        const { reach } = configuration;
        session = await withKvs(session, { reach, deadline, log });
      }
      nodeMap = await findNodeMap(session);
      staged = await stage(run, session, nodeMap, deadline);
    }
    await session.settle();
    outcome = await handOver(run, session, deadline, staged);
  } catch (thrown) {
    throw await giveUp(run, { session, nodeMap, release: staged?.caretaker?.release }, thrown);
  }
  if (outcome === undefined) return undefined;
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

/**
 * Has the starter become Python where nothing is left to do afterwards, else run it until it ends.
 * @returns undefined in the first case
 */
async function handOver(
  run: Run,
  session: LauncherSession,
  deadline: Deadline,
  { directory, caretaker }: Partial<Staged> = {},
): Promise<Outcome | undefined> {
  const { configuration, log } = run;
  const { parentMustStay, env } = session.handOver;
  const starter = starterOf(run);
  const { file, changes } = await pythonProgram(
    directory,
    { ...run.env, ...env },
    configuration.python,
    runUntil(deadline),
  );
  checkInterpreter(file);
  const hook = directory === undefined ? [] : hookChanges(session);
  starter.tell({ file, changes: [...launcherChanges(env), ...stageChanges(changes), ...hook] });
  if (!parentMustStay && caretaker === undefined) {
    log(`becomes ${file}`);
    await starter.become();
    return undefined;
  }
  const python = await starter.run();
  log(`runs ${file} as process ${python.process.pid}`);
  caretaker?.started(python.process);
  void giveMemoryBack(caretaker?.over);
  const outcome = await python.ended;
  log(`Python ended with ${outcome.signal ?? `status ${outcome.status}`}`);
  return outcome;
}

function starterOf({ starter }: Run): Starter {
  if (starter !== undefined) return starter;
  throw new PythonMpiError('NO_RUNTIME', 'this program does not run beside its starter', {
    hint: 'start bin/python-mpi, not what it starts',
  });
}

function launcherChanges(env: LauncherSession['handOver']['env']): Change[] {
  return Object.entries(env).map(([name, value]) =>
    value === undefined ? ['unset', name] : ['set', name, value],
  );
}

function stageChanges({ set, unset, front }: Changes): Change[] {
  return [
    ...Object.entries(set).map(([name, value]): Change => ['set', name, value]),
    ...unset.map((name): Change => ['unset', name]),
    ...Object.entries(front).map(([name, items]): Change => ['before', name, items.join(':'), ':']),
  ];
}

/** What the hook needs to find in the environment of each rank. */
function hookChanges({ placement: { rank, size }, endCommand }: LauncherSession): Change[] {
  const end: Change[] = endCommand === undefined ? [] : [['set', HOOK.endCommand, endCommand]];
  return [
    ['rank', HOOK.rank, String(rank), ` of ${size}`],
    ['self', HOOK.process, 'self '],
    ...end,
  ];
}

/** Python may run for hours, beside memory that will not be used again. */
async function giveMemoryBack(over = Promise.resolve()): Promise<void> {
  await over;
  await pause(SETTLE_MS);
  const { collectGarbage } = await import('./exec/memory.ts');
  collectGarbage();
}

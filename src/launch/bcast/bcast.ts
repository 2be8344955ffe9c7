/**
 * python-mpi-bcast, as a story: find the others, ask what they hold, send what is missing, publish
 * everywhere.
 *
 * Every rank was given the same command line, so only the root has to look at the sources. A first
 * session, without a stream, asks whether all nodes hold what the root's node holds; if so, only
 * the difference to that is sent.
 */
import { Deadline, now } from '../../deadline.ts';
import { Janitor } from '../../exec/janitor.ts';
import { SURVEY, TREE } from '../../net/handshake.ts';
import { SUCCESS } from '../../outcome.ts';
import type { LauncherSession } from '../../pmi/launcher.ts';
import { PackageArrival, TreeArrival } from '../../stage/copy/arrival.ts';
import { inventoryDigest } from '../../stage/copy/inventory.ts';
import { totalOf } from '../../stage/package.ts';
import { openPackages } from '../../stage/package-file.ts';
import { prefixId } from '../../stage/prefix.ts';
import { giveUp } from '../failure.ts';
import { follow } from '../follower.ts';
import { Leadership } from '../leadership.ts';
import { encodePlan } from '../plan.ts';
import { chooseRendezvous } from '../rendezvous/choose.ts';
import { withKvs } from '../rendezvous/kvs-server.ts';
import { findNodeMap, type NodeMap } from '../rendezvous/node-map.ts';
import type { Configuration, Run } from '../run.ts';
import { openSession } from '../session.ts';
import type { Cargo } from '../stream-stager.ts';
import { type CopyPlan, type CopyQuestion, CopyStager, SurveyStager } from './copy-stager.ts';

/** Where copies go, on every node. */
export interface Destination {
  /** Absolute. */
  directory: string;
  /** Names in it: one for each source, or the one that all packages are extracted to. */
  names: readonly string[];
}

/** One rank's broadcast. */
export interface Bcast
  extends Pick<Run, 'env' | 'janitor' | 'log' | 'progress' | 'introduce' | 'complain'> {
  configuration: Pick<Configuration, 'launcher' | 'reach' | 'timeout' | 'tree' | 'encrypt'>;
  /** Files and directories to copy, or packages to extract: absolute paths. */
  sources: readonly string[];
  destination: Destination;
  /** Unpack the sources instead of copying them. */
  extract: boolean;
  /** What is at the destination and not in the copy may go. */
  replace: boolean;
  /** Root: hears how it went. */
  report: (result: BcastResult) => void;
}

export interface BcastResult {
  /** Bytes of the stream that was broadcast. */
  bytes: number;
  /** Nodes that hold the copy now. */
  nodes: number;
  /** How many of them held it before. */
  held: number;
  /** From when all nodes were found to when all have it. */
  milliseconds: number;
}

/**
 * Does this rank's part.
 * @throws JobFailed when it came to nothing and the user has been told why
 * @throws PythonMpiError for an error before the launcher was spoken to
 */
export async function broadcast(run: Bcast): Promise<void> {
  const { configuration, log } = run;
  const deadline = Deadline.after(configuration.timeout);
  let session = await openSession(run, deadline);
  let nodeMap: NodeMap | undefined;
  try {
    session = await withKvs(session, { reach: configuration.reach, deadline, log });
    nodeMap = await findNodeMap(session);
    if (nodeMap.leads) await lead(run, session, nodeMap, deadline);
    else await follow(run, session, nodeMap, deadline);
    await session.settle();
  } catch (thrown) {
    throw await giveUp(run, { session, nodeMap }, thrown);
  }
  await session.finish(SUCCESS);
}

async function lead(
  run: Bcast,
  session: LauncherSession,
  nodeMap: NodeMap,
  deadline: Deadline,
): Promise<void> {
  const { destination, log } = run;
  const { directory, names } = destination;
  const isRoot = nodeMap.position === 0;
  const { configuration, env } = run;
  const rendezvous = chooseRendezvous(session, nodeMap, {
    env,
    reach: configuration.reach,
    deadline,
    log,
  });
  const leadership = await Leadership.take(rendezvous, nodeMap, deadline, log);
  const start = now();
  const { gathering, secret, host } = leadership;
  const janitor = new Janitor(run.janitor('drafts', directory));
  const trees = run.extract ? undefined : new TreeArrival(directory, names, run.replace);
  const arrival = trees ?? new PackageArrival(directory, names[0]!, run.replace);
  let stager: CopyStager | undefined;
  try {
    const agreed = trees !== undefined && (await survey(run, leadership, trees, isRoot));
    stager = new CopyStager({
      arrival,
      directory,
      host,
      secret,
      progress: isRoot ? run.progress : () => {},
    });
    const driver = leadership.join(TREE, stager, configuration);
    const cargo = isRoot ? open(run, agreed ? trees : undefined) : undefined;
    if (cargo !== undefined) void stager.offer(driver, cargo);
    const { ready, reused } = await leadership.verdictOf(driver, run.complain);
    log(`${ready} nodes ready, ${reused} of them held it already`);
    stager.publish();
    if (cargo !== undefined) {
      const bytes = totalOf((await cargo).plan.packages, 'size');
      run.report({ bytes, nodes: ready, held: reused, milliseconds: now() - start });
    }
    gathering.announce({ directory });
  } catch (thrown) {
    await stager?.abandon();
    throw thrown;
  } finally {
    await leadership.conclude();
    await stager?.close();
    await janitor.dismiss();
  }
}

/** Whether all nodes hold what the root's node holds; what the others believe does not matter. */
async function survey(
  { complain }: Bcast,
  leadership: Leadership,
  arrival: TreeArrival,
  isRoot: boolean,
): Promise<boolean> {
  const { secret, host } = leadership;
  const driver = leadership.join(SURVEY, new SurveyStager({ arrival, secret, host }));
  if (isRoot) {
    try {
      const question: CopyQuestion = { content: inventoryDigest(arrival.inventory()) };
      driver.announce([], encodePlan(question, secret), { says: 'held' });
    } catch (error) {
      driver.failed(error);
    }
  }
  const { ready, reused } = await leadership.verdictOf(driver, complain);
  return ready === reused;
}

/**
 * Root: opens what is to be sent.
 * @param base where all nodes hold the same, if they do
 * @throws PythonMpiError PACKAGE_UNREADABLE, NO_PACKAGE, CORRUPT_PACKAGE
 */
async function open(run: Bcast, base: TreeArrival | undefined): Promise<Cargo<CopyPlan>> {
  if (run.extract) {
    const sources = await openPackages(run.sources, '/');
    const packages = sources.map(({ spec }) => spec);
    return { sources, plan: { packages, content: prefixId(packages) } };
  }
  // Only the root loads what writes archives.
  const { packTrees } = await import('../../stage/copy/pack.ts');
  const { source, content } = await packTrees(
    run.sources,
    run.destination.names,
    base?.inventory() ?? [],
  );
  return { sources: [source], plan: { packages: [source.spec], content } };
}

/**
 * The part of a node leader: take its place in the tree, stage, and tell the node's other ranks.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { Deadline, now } from '../deadline.ts';
import type { Ready } from '../engine/engine.ts';
import { asPythonMpiError } from '../errors.ts';
import { checkInterpreter } from '../exec/executable.ts';
import { Janitor } from '../exec/janitor.ts';
import { allGone } from '../exec/processes.ts';
import type { Driver } from '../net/driver.ts';
import { TREE } from '../net/handshake.ts';
import type { LauncherSession } from '../pmi/launcher.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { cacheDigests, readDigestCache } from '../stage/digest-cache.ts';
import { type PythonProgram, pythonProgram } from '../stage/environment.ts';
import { adviseAgainst, parseMountinfo } from '../stage/mounts.ts';
import type { PackageFile } from '../stage/package-file.ts';
import type { Hold } from '../stage/prefix.ts';
import { CLEANUP_MS } from './failure.ts';
import { Leadership } from './leadership.ts';
import type { Plan } from './plan.ts';
import { PrefixStager } from './prefix-stager.ts';
import { chooseRendezvous } from './rendezvous/choose.ts';
import type { NodeMap } from './rendezvous/node-map.ts';
import type { Rendezvous } from './rendezvous/rendezvous.ts';
import type { NodeReport } from './report/node-report.ts';
import type { Run } from './run.ts';
import { runUntil } from './run-program.ts';
import { warnOfSilence } from './silence.ts';
import type { Caretaker, Staged } from './staged.ts';
import type { Cargo } from './stream-stager.ts';

/**
 * @throws JobFailed with the session's verdict
 * @throws PythonMpiError for an error before there was a session
 */
export async function lead(
  run: Run,
  session: LauncherSession,
  nodeMap: NodeMap,
  deadline: Deadline,
): Promise<Staged> {
  const part = await takePart(run, session, nodeMap, deadline);
  const { hold, members, over, janitor, report } = part;
  // All that the session used is out of scope here, and may be collected.
  const caretaker: Caretaker = {
    over,
    started(python) {
      report?.started();
      hold.record([...members, python]);
    },
    async release() {
      report?.conclude();
      await over;
      await allGone(members);
      try {
        await hold.release(run.configuration.keep, Deadline.after(CLEANUP_MS));
      } catch (error) {
        // Python has ended as it did. The directory may even have been removed under it, as
        // systemd does with what a user has in /dev/shm when the last login of that user ends.
        run.warn(`cannot clean up (${asPythonMpiError(error).message})`);
      }
      await janitor.dismiss();
    },
  };
  return { directory: hold.directory, caretaker };
}

/** What is left of a session that went well. */
interface Afterwards {
  hold: Hold;
  /** The other ranks of this node. */
  members: readonly ProcessIdentity[];
  /** Resolves when no other rank needs this leader any more. */
  over: Promise<void>;
  janitor: Janitor;
  report: NodeReport | undefined;
}

/** The session itself, up to its verdict. */
async function takePart(
  run: Run,
  session: LauncherSession,
  nodeMap: NodeMap,
  deadline: Deadline,
): Promise<Afterwards> {
  const { configuration, log } = run;
  const rendezvous = chooseRendezvous(session, nodeMap, {
    env: run.env,
    reach: configuration.reach,
    deadline,
    log,
    othersWait: run.starter?.serves === true,
  });
  const isRoot = nodeMap.position === 0;
  if (isRoot) warnOfSharing(run);

  // The root reads and hashes its packages while the others are still being found.
  const packages = isRoot ? open(run) : undefined;
  packages?.catch(() => {});

  const leadership = await Leadership.take(rendezvous, nodeMap, deadline, log);
  const { gathering, secret, host } = leadership;
  run.starter?.attend(member => gathering.enrol(member));
  const janitor = new Janitor(run.janitor('prefixes', configuration.chroot));
  const report = await reportOf(run, session, nodeMap, rendezvous, leadership);
  let program: PythonProgram | undefined;
  const stager = new PrefixStager({
    chroot: configuration.chroot,
    host,
    secret,
    deadline,
    log,
    env: run.env,
    async check(directory) {
      program = await pythonProgram(directory, run.env, configuration.python, runUntil(deadline));
      checkInterpreter(program.file);
    },
    progress: isRoot ? run.progress : () => {},
    unpacked: () => report?.mark('unpacked'),
  });
  const driver = leadership.join(TREE, report?.observe(stager) ?? stager, configuration);
  if (isRoot) {
    const allCame = Promise.race([stager.begun, driver.verdict]);
    warnOfSilence(rendezvous, nodeMap, deadline, allCame, run.warn);
  }
  // After the driver has asked the launcher for its parent.
  const parents = report?.findParents();
  report?.follow(driver);
  if (packages !== undefined) {
    void stager.offer(driver, packages.then(cargoOf), (plan, answer) =>
      report?.announced(plan.packages, answer),
    );
  }

  const conclude = () => leadership.conclude(report?.done).then(() => stager.close());
  let ready: Ready;
  try {
    ready = await leadership.verdictOf(driver, run.complain);
  } catch (thrown) {
    report?.failed(thrown);
    const over = conclude();
    await stager.abandon(configuration.keep, Deadline.after(CLEANUP_MS));
    await over;
    await janitor.dismiss();
    throw thrown;
  }
  // Nodes below and the node's other ranks may still need this one; Python need not wait for them.
  const over = conclude();
  tell(run, ready, driver);
  if (packages !== undefined) {
    for (const warning of program?.warnings ?? []) run.warn(warning);
    run.inform(success(await packages, ready, program?.version));
  }
  if (packages && configuration.keep) {
    const digests = (await packages).flatMap(file => file.cacheable ?? []);
    cacheDigests(stager.hold.directory, digests);
  }
  await gathering.all(deadline);
  stager.hold.record(gathering.members);
  gathering.announce({ directory: stager.hold.directory });
  // Python has the launcher to itself.
  await parents;
  return { hold: stager.hold, members: gathering.members, over, janitor, report };
}

/** This node's part in the report, when there is to be one: it costs nothing when not. */
async function reportOf(
  run: Run,
  session: LauncherSession,
  nodeMap: NodeMap,
  rendezvous: Rendezvous,
  leadership: Leadership,
): Promise<NodeReport | undefined> {
  const file = run.configuration.report;
  if (file === undefined) return undefined;
  const { NodeReport } = await import('./report/node-report.ts');
  return new NodeReport({ run, file, launcher: session.launcher, nodeMap, rendezvous }, leadership);
}

async function open({ configuration, python }: Run): Promise<PackageFile[]> {
  const { packages, pkgroot, chroot } = configuration;
  const { checkProgram } = await import('./before-staging.ts');
  checkProgram(python);
  const { openPackages } = await import('../stage/package-file.ts');
  return openPackages(packages, pkgroot, readDigestCache(chroot));
}

function cargoOf(files: readonly PackageFile[]): Cargo<Plan> {
  return { sources: files, plan: { packages: files.map(({ spec }) => spec) } };
}

/** The other nodes will have the directory where this one has. */
function warnOfSharing({ configuration, warn }: Run): void {
  try {
    const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
    const advice = adviseAgainst(realpathSync(configuration.chroot), mounts);
    if (advice !== undefined) warn(advice);
  } catch {
    // What is wrong with the directory will be told when it is used.
  }
}

/** What has been done, for the log of the job; the time since this process began. */
function success(files: readonly PackageFile[], { ready }: Ready, version = ''): string {
  const bytes = files.reduce((sum, { spec }) => sum + spec.size, 0);
  const size = bytes < 1e7 ? (bytes / 1e6).toFixed(1) : (bytes / 1e6).toFixed(0);
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  return (
    `${size} MB (${counted(files.length, 'package')}) on ${counted(ready, 'node')} ` +
    `in ${(now() / 1000).toFixed(1)} s, Python ${version}`
  );
}

function tell({ log }: Run, { ready, reused, lost }: Ready, driver: Driver): void {
  const { bytesIn, bytesOut, resumes, corrupt } = driver.statistics;
  log(
    `ready: ${ready} nodes, ${reused} of them had everything, ${lost} lost; ` +
      `${bytesIn} bytes in, ${bytesOut} out, ${resumes} resumed, ${corrupt} corrupt`,
  );
}

/**
 * The part of a node leader: take its place in the tree, stage, and tell the node's other ranks.
 */
import { hostname } from 'node:os';
import { Deadline } from '../deadline.ts';
import { Janitor } from '../exec/janitor.ts';
import { allGone, type ProcessIdentity } from '../exec/processes.ts';
import { Driver, type Verdict } from '../net/driver.ts';
import { LOCAL } from '../net/handshake.ts';
import { Listener } from '../net/link.ts';
import { LocalGathering } from '../net/local.ts';
import type { Rendezvous } from '../pmi/rendezvous.ts';
import { pythonProgram } from '../stage/environment.ts';
import { openPackages } from '../stage/source.ts';
import { type Meeting, meetingOf } from './meeting.ts';
import { decodeFailure, encodeFailure, encodePlan, type LocalVerdict } from './plan.ts';
import type { Roster } from './roster.ts';
import { JobFailed, type Run, type Staged } from './run.ts';
import { NodeStation } from './station.ts';

/** How long the verdict may take to reach everybody below, and cleaning up may take, in milliseconds. */
const AFTERMATH_MS = 10_000;

/**
 * @throws JobFailed with the session's verdict
 * @throws PythonMpiError for an error before there was a session
 */
export async function lead(
  run: Run,
  rendezvous: Rendezvous,
  roster: Roster,
  deadline: Deadline,
): Promise<Staged> {
  const { configuration, log } = run;
  const meeting = meetingOf(rendezvous, roster, run.env, configuration.interface);
  const { position, leaders, locals } = roster;
  const host = hostname();

  // The root reads and hashes its packages while the others are still being found.
  const packages =
    position === 0 ? openPackages(configuration.packages, configuration.pkgroot) : undefined;
  packages?.catch(() => {});

  const gathering = new LocalGathering<ProcessIdentity, LocalVerdict>(locals - 1);
  const listener = new Listener(link => {
    if (link.greeting.kind === LOCAL) void gathering.admit(link);
    else driver.adopt(link);
  });
  const secret = await meeting.lead(listener);
  log(`leads node ${position} of ${leaders.length}, ${locals} ranks here`);

  const janitor = new Janitor(run.janitor(configuration.chroot));
  const station = new NodeStation({
    chroot: configuration.chroot,
    host,
    secret,
    deadline,
    log,
    check: directory => void pythonProgram(directory, run.env, configuration.python),
    progress: position === 0 ? run.progress : () => {},
    staged: () => driver.staged(),
    failed: error => driver.failed(error),
  });
  const driver = new Driver({
    position,
    count: leaders.length,
    secret,
    station,
    cardOf: other => meeting.cardOf(other),
    deadline,
    log,
  });
  listener.admit(secret);
  driver.start();
  packages
    ?.then(async files => {
      const specs = files.map(file => file.spec);
      station.serve(files);
      const needed = await station.prepare(specs);
      driver.announce(
        specs.map(spec => spec.size),
        encodePlan({ packages: specs }, secret),
        needed,
      );
    })
    .catch(error => driver.failed(error));

  const verdict = await driver.verdict;
  // Those below and the node's other ranks may still need this one; Python need not wait for them.
  const aftermath = Deadline.after(AFTERMATH_MS);
  const over = Promise.allSettled([
    aftermath.wait(driver.done, 'the nodes below'),
    gathering.all(aftermath),
  ]).then(async () => {
    driver.close();
    listener.close();
    await station.close();
  });

  if ('failure' in verdict) {
    const { code, position: where, text } = verdict.failure;
    const culprit = where === position ? host : await hostOf(meeting, where);
    const error = decodeFailure(code, text, `lost node ${culprit}`);
    // Before anybody else ends: a launcher may kill this rank as soon as the first one does.
    if (position === 0) run.complain(error);
    gathering.announce({ failure: encodeFailure(error) });
    await station.abandon(configuration.keep, Deadline.after(AFTERMATH_MS));
    await over;
    await janitor.dismiss();
    throw new JobFailed(error);
  }
  tell(run, verdict, driver);
  await gathering.all(deadline);
  station.hold.record(gathering.members);
  gathering.announce({ directory: station.hold.directory });
  return {
    directory: station.hold.directory,
    release: async () => {
      await over;
      await allGone(gathering.members);
      await station.hold.release(configuration.keep, Deadline.after(AFTERMATH_MS));
      await janitor.dismiss();
    },
  };
}

async function hostOf(meeting: Meeting, position: number): Promise<string> {
  const card = await meeting.cardOf(position).catch(() => undefined);
  return card?.host ?? `at position ${position}`;
}

function tell({ log }: Run, verdict: Exclude<Verdict, { failure: unknown }>, driver: Driver): void {
  const { ready, reused, lost } = verdict.ready;
  const { bytesIn, bytesOut, resumes } = driver.statistics;
  log(
    `ready: ${ready} nodes, ${reused} of them had everything, ${lost} lost; ` +
      `${bytesIn} bytes in, ${bytesOut} out, ${resumes} resumed`,
  );
}

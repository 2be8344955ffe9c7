/**
 * How every rank begins, of a launch and of a broadcast alike: it finds out which launcher started
 * it, and as which rank.
 */
import { hostname } from 'node:os';
import type { Deadline } from '../deadline.ts';
import { detect } from '../pmi/detect.ts';
import type { LauncherSession } from '../pmi/launcher.ts';
import type { Configuration, Run } from './run.ts';

/**
 * Begins to speak to the launcher, and tells the log which rank speaks.
 * @throws PythonMpiError as LauncherMethod.open
 */
export async function openSession(
  run: Pick<Run, 'env' | 'log' | 'introduce'> & { configuration: Pick<Configuration, 'launcher'> },
  deadline: Deadline,
): Promise<LauncherSession> {
  const { configuration, env, log } = run;
  const session = await detect(env, log, configuration.launcher).open(deadline);
  const { rank, size } = session.placement;
  run.introduce(`${hostname()}/${rank}`);
  log(`rank ${rank} of ${size}, launched by ${session.launcher} (${session.why})`);
  return session;
}

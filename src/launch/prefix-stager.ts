/**
 * One node's part in a launch: unpacks the packages into a draft and publishes that as a prefix,
 * unless it is there.
 */
import { type Deadline, now } from '../deadline.ts';
import { alive } from '../exec/processes.ts';
import type { Log } from '../log.ts';
import { dropDigests } from '../stage/digest-cache.ts';
import { checkMount } from '../stage/mount-check.ts';
import { totalOf } from '../stage/package.ts';
import { type Draft, type Hold, PrefixStore, prefixId } from '../stage/prefix.ts';
import { settle } from '../stage/settle.ts';
import { checkSpace } from '../stage/space.ts';
import type { Extracted } from '../stage/unpack/extract.ts';
import { isPlan, type Plan } from './plan.ts';
import { CHOOSE_CHROOT } from './remedy.ts';
import { runUntil } from './run-program.ts';
import { StreamStager, type StreamStagerOptions } from './stream-stager.ts';

export interface PrefixStagerOptions extends StreamStagerOptions {
  chroot: string;
  deadline: Deadline;
  log: Log;
  /** Environment of the ranks. */
  env: NodeJS.ProcessEnv;
  /**
   * Gets a prefix ready for this job's Python before it counts as staged; throws when that could
   * not run from it.
   */
  check: (directory: string) => Promise<void>;
  /** All files are there, in a draft. */
  unpacked: () => void;
}

export class PrefixStager extends StreamStager<Plan> {
  readonly #options: PrefixStagerOptions;
  #start = 0;
  #draft: Draft | undefined;
  #hold: Hold | undefined;

  constructor(options: PrefixStagerOptions) {
    super(options, isPlan, CHOOSE_CHROOT);
    this.#options = options;
  }

  /** The prefix, once the verdict is go. */
  get hold(): Hold {
    return this.#hold!;
  }

  /** The session has failed: leaves nothing behind but what was there before. */
  async abandon(keep: boolean, deadline: Deadline): Promise<void> {
    await this.stop();
    if (this.#hold !== undefined) await this.#hold.release(keep, deadline);
    else await this.#draft?.discard(deadline);
  }

  protected async begin({ packages }: Plan): Promise<{ directory: string } | undefined> {
    const { chroot, deadline, log, check } = this.#options;
    const id = prefixId(packages);
    const store = await PrefixStore.open(chroot, alive, deadline);
    this.#hold = await store.find(id, deadline);
    if (this.#hold !== undefined) {
      await check(this.#hold.directory);
      log(`${this.#hold.directory} is there already`);
      return undefined;
    }
    checkMount(store.directory);
    checkSpace(store.directory, totalOf(packages, 'unpacked'));
    this.#draft = await store.begin(id, deadline);
    this.#start = now();
    return { directory: this.#draft.directory };
  }

  protected async complete({ packages }: Plan, { files, bytes }: Extracted): Promise<void> {
    const { deadline, env, log, check, unpacked } = this.#options;
    const draft = this.#draft!;
    unpacked();
    await settle(draft.directory, draft.prefix, env, runUntil(deadline));
    dropDigests(draft.directory);
    this.#hold = await draft.publish(deadline);
    await check(this.#hold.directory);
    const seconds = (now() - this.#start) / 1000;
    const rate = totalOf(packages, 'size') / 1e6 / seconds;
    log(
      `${files} files, ${(bytes / 1e6).toFixed(1)} MB published in ${this.#hold.directory} ` +
        `after ${seconds.toFixed(2)} s (${rate.toFixed(0)} MB/s packed)`,
    );
  }
}

/**
 * One node's part in a session: takes the stream from the driver, unpacks it into a draft, publishes that as
 * a prefix. At the root it also reads the packages. Knows stages, not links.
 */
import { type Deadline, now } from '../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../errors.ts';
import { alive } from '../exec/processes.ts';
import type { Log } from '../log.ts';
import type { Answer, Stager } from '../net/driver.ts';
import { installHook } from '../stage/abort-hook.ts';
import { forget } from '../stage/digest-cache.ts';
import type { PackageSpec } from '../stage/package.ts';
import type { PackageFile } from '../stage/package-file.ts';
import { type Draft, type Hold, prefixId, Store } from '../stage/prefix.ts';
import { checkSpace } from '../stage/space.ts';
import type { Intake } from '../stage/unpack/intake.ts';
import { decodePlan, encodeFailure, isPlan } from './plan.ts';

export interface PrefixStagerOptions {
  chroot: string;
  host: string;
  secret: Buffer;
  deadline: Deadline;
  log: Log;
  /** Looks at a prefix before it counts as ready; throws when Python could not run from it. */
  check: (directory: string) => void;
  /** Hears how far the stream has come, in bytes. */
  progress: (done: number, total: number) => void;
  /** All files are there, under a name that nobody uses yet. */
  unpacked: () => void;
  /** The prefix has been published. */
  staged: () => void;
  failed: (error: unknown) => void;
}

export class PrefixStager implements Stager {
  readonly #options: PrefixStagerOptions;
  #files: readonly PackageFile[] = [];
  /** Settles when nothing is being prepared any more. */
  #preparation: Promise<unknown> = Promise.resolve();
  #draft: Draft | undefined;
  #intake: Intake | undefined;
  #work: Promise<void> = Promise.resolve();
  #hold: Hold | undefined;
  #abandoned = false;

  constructor(options: PrefixStagerOptions) {
    this.#options = options;
  }

  /** Root: the files to read from. */
  serve(files: readonly PackageFile[]): void {
    this.#files = files;
  }

  async announced(opaque: Uint8Array): Promise<Answer> {
    const { packages } = decodePlan(opaque, this.#options.secret, isPlan);
    return this.prepare(packages);
  }

  /**
   * Gets ready for these packages.
   * @returns 'held' when the prefix is there already, else 'needed'
   * @throws PythonMpiError when the node-local directory cannot take them
   */
  prepare(packages: readonly PackageSpec[]): Promise<Answer> {
    const prepared = this.#prepare(packages);
    this.#preparation = prepared.catch(() => {});
    return prepared;
  }

  async #prepare(packages: readonly PackageSpec[]): Promise<Answer> {
    if (this.#abandoned) throw new PythonMpiError('CANCELLED', 'the session is over');
    const { chroot, deadline, log, progress } = this.#options;
    const id = prefixId(packages);
    const store = await Store.open(chroot, alive, deadline);
    this.#hold = await store.find(id, deadline);
    if (this.#hold !== undefined) {
      this.#options.check(this.#hold.directory);
      log(`${this.#hold.directory} is there already`);
      return 'held';
    }
    // A node that holds everything needs no threads.
    const { Intake, totalOf } = await import('../stage/unpack/intake.ts');
    checkSpace(store.directory, totalOf(packages, 'unpacked'));
    this.#draft = await store.begin(id, deadline);
    this.#intake = new Intake({ directory: this.#draft.directory, packages }, progress);
    this.#work = this.#finish(this.#intake, this.#draft);
    return 'needed';
  }

  async read(packageIndex: number, offset: number, into: Uint8Array): Promise<void> {
    await this.#files[packageIndex]!.fill(into, offset);
  }

  deliver(bytes: Uint8Array): Promise<void> | undefined {
    return this.#intake!.deliver(bytes);
  }

  encode(error: PythonMpiError): { code: number; text: string } {
    error.host ??= this.#options.host;
    return encodeFailure(error);
  }

  /** The prefix, once the verdict is go. */
  get hold(): Hold {
    return this.#hold!;
  }

  /** The session has failed: leaves nothing behind but what was there before. */
  async abandon(keep: boolean, deadline: Deadline): Promise<void> {
    // A verdict may come before this node has begun to get ready, or while it does.
    this.#abandoned = true;
    await this.#preparation;
    this.#intake?.abort();
    await this.#work;
    if (this.#hold !== undefined) await this.#hold.release(keep, deadline);
    else await this.#draft?.discard(deadline);
  }

  /** Nobody asks for bytes any more. */
  async close(): Promise<void> {
    await Promise.all(this.#files.map(file => file.close()));
    this.#files = [];
  }

  async #finish(intake: Intake, draft: Draft): Promise<void> {
    const start = now();
    try {
      const { files, bytes } = await intake.finished;
      this.#options.unpacked();
      installHook(draft.directory);
      forget(draft.directory);
      this.#hold = await draft.publish(this.#options.deadline);
      this.#options.check(this.#hold.directory);
      const seconds = (now() - start) / 1000;
      this.#options.log(
        `${files} files, ${(bytes / 1e6).toFixed(1)} MB published in ${this.#hold.directory} ` +
          `after ${seconds.toFixed(2)} s (${(intake.total / 1e6 / seconds).toFixed(0)} MB/s packed)`,
      );
      this.#options.staged();
    } catch (error) {
      if (asPythonMpiError(error).code !== 'CANCELLED') this.#options.failed(error);
    }
  }
}

/**
 * One node's part in a session: takes the stream from the driver, unpacks it into a draft, publishes that as
 * a prefix. At the root it also reads the packages. Knows stages, not links.
 */
import { type Deadline, now } from '../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../errors.ts';
import { alive } from '../exec/processes.ts';
import type { Log } from '../log.ts';
import type { Station } from '../net/driver.ts';
import { installHook } from '../stage/hook.ts';
import type { PackageSpec } from '../stage/package.ts';
import { type Draft, type Hold, prefixId, Store } from '../stage/prefix.ts';
import type { PackageFile } from '../stage/source.ts';
import { checkSpace } from '../stage/space.ts';
import { Unpacker } from '../stage/unpacker.ts';
import { decodePlan, encodeFailure } from './plan.ts';

export interface NodeStationOptions {
  chroot: string;
  host: string;
  secret: Buffer;
  deadline: Deadline;
  log: Log;
  /** Looks at a prefix before it counts as ready; throws when Python could not run from it. */
  check: (directory: string) => void;
  /** Hears how far the stream has come, in bytes. */
  progress: (done: number, total: number) => void;
  /** The prefix has been published. */
  staged: () => void;
  failed: (error: unknown) => void;
}

export class NodeStation implements Station {
  readonly #options: NodeStationOptions;
  #files: readonly PackageFile[] = [];
  #draft: Draft | undefined;
  #unpacker: Unpacker | undefined;
  #work: Promise<void> = Promise.resolve();
  #hold: Hold | undefined;
  /** Segments that wait for room, and the promise that the last of them has found it. */
  #backlog = 0;
  #delivery: Promise<void> = Promise.resolve();
  #delivered = 0;
  #total = 0;

  constructor(options: NodeStationOptions) {
    this.#options = options;
  }

  /** Root: the files to read from. */
  serve(files: readonly PackageFile[]): void {
    this.#files = files;
  }

  async announced(opaque: Uint8Array): Promise<boolean> {
    const { packages } = decodePlan(opaque, this.#options.secret);
    return this.prepare(packages);
  }

  /**
   * Gets ready for these packages.
   * @returns whether their bytes are needed: false when the prefix is there already
   * @throws PythonMpiError when the node-local directory cannot take them
   */
  async prepare(packages: readonly PackageSpec[]): Promise<boolean> {
    const { chroot, deadline, log } = this.#options;
    const id = prefixId(packages);
    const store = await Store.open(chroot, alive, deadline);
    this.#hold = await store.find(id, deadline);
    if (this.#hold !== undefined) {
      this.#options.check(this.#hold.directory);
      log(`${this.#hold.directory} is there already`);
      return false;
    }
    this.#total = sum(packages, 'size');
    checkSpace(store.directory, sum(packages, 'unpacked'));
    this.#draft = await store.begin(id, deadline);
    this.#unpacker = new Unpacker({ directory: this.#draft.directory, packages });
    this.#work = this.#finish(this.#unpacker, this.#draft);
    return true;
  }

  async read(packageIndex: number, offset: number, into: Uint8Array): Promise<void> {
    const file = this.#files[packageIndex]!;
    const count = await file.read(into, offset);
    if (count < into.length || offset + count === file.spec.size) await file.verify();
    if (count < into.length) {
      throw new PythonMpiError(
        'CORRUPT_PACKAGE',
        `package ${file.spec.name} became shorter meanwhile`,
      );
    }
  }

  deliver(bytes: Uint8Array): Promise<void> | undefined {
    const unpacker = this.#unpacker!;
    this.#delivered += bytes.length;
    this.#options.progress(this.#delivered, this.#total);
    // The next segments come while the rest of one still waits for room: they wait behind it.
    const taken = this.#backlog === 0 ? unpacker.write(bytes) : 0;
    if (taken < bytes.length) return this.#deliverLater(unpacker, bytes.subarray(taken));
    if (this.#delivered === this.#total) unpacker.end();
    return undefined;
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
    this.#unpacker?.abort();
    await this.#work;
    if (this.#hold !== undefined) await this.#hold.release(keep, deadline);
    else await this.#draft?.discard(deadline);
  }

  /** Nobody asks for bytes any more. */
  async close(): Promise<void> {
    this.#unpacker = undefined;
    await Promise.all(this.#files.map(file => file.close()));
    this.#files = [];
  }

  #deliverLater(unpacker: Unpacker, bytes: Uint8Array): Promise<void> {
    const last = this.#delivered === this.#total;
    this.#backlog++;
    this.#delivery = this.#delivery.then(async () => {
      for (let at = 0; at < bytes.length; ) {
        await unpacker.untilRoom();
        at += unpacker.write(bytes.subarray(at));
      }
      this.#backlog--;
      if (last) unpacker.end();
    });
    return this.#delivery;
  }

  async #finish(unpacker: Unpacker, draft: Draft): Promise<void> {
    const start = now();
    try {
      const { files, bytes } = await unpacker.finished;
      installHook(draft.directory);
      this.#hold = await draft.publish(this.#options.deadline);
      this.#options.check(this.#hold.directory);
      const seconds = (now() - start) / 1000;
      this.#options.log(
        `${files} files, ${(bytes / 1e6).toFixed(1)} MB published in ${this.#hold.directory} ` +
          `after ${seconds.toFixed(2)} s (${(this.#total / 1e6 / seconds).toFixed(0)} MB/s packed)`,
      );
      this.#options.staged();
    } catch (error) {
      if (asPythonMpiError(error).code !== 'CANCELLED') this.#options.failed(error);
    }
  }
}

function sum(packages: readonly PackageSpec[], field: 'size' | 'unpacked'): number {
  return packages.reduce((total, spec) => total + spec[field], 0);
}

/**
 * One node's part in a session that brings packages: takes the stream from the driver and unpacks
 * it. Where to, and what becomes of it there, its two kinds say: PrefixStager and CopyStager. Knows
 * no links.
 */
import { PythonMpiError } from '../errors.ts';
import type { Answer, Driver, Stager } from '../net/driver.ts';
import type { PackageSource } from '../stage/package.ts';
import type { Extracted } from '../stage/unpack/extract.ts';
import type { Unpacker, UnpackerOptions } from '../stage/unpack/unpacker.ts';
import { decodePlan, encodeFailure, encodePlan, type Plan } from './plan.ts';
import { type Remedy, remedied } from './remedy.ts';

export interface StreamStagerOptions {
  /** Name of this node, for errors. */
  host: string;
  secret: Buffer;
  /** Hears how far the stream has come, in bytes. */
  progress: (done: number, total: number) => void;
}

/** Root: what is to be sent, and what all nodes are told about it. */
export interface Cargo<P extends Plan> {
  sources: readonly PackageSource[];
  plan: P;
}

export abstract class StreamStager<P extends Plan> implements Stager {
  protected readonly host: string;
  readonly #secret: Buffer;
  readonly #progress: StreamStagerOptions['progress'];
  readonly #isPlan: (said: unknown) => said is P;
  readonly #remedy: Remedy;
  #sources: PackageSource[] = [];
  /** Settles when nothing is being prepared any more. */
  #preparation: Promise<unknown> = Promise.resolve();
  #unpacker: Unpacker | undefined;
  /** Settles when nothing is being unpacked any more. */
  #work: Promise<unknown> = Promise.resolve();
  #abandoned = false;
  readonly #begun = Promise.withResolvers<void>();

  /**
   * @param isPlan whether what the root announces makes sense
   * @param remedy for errors of the node-local directory
   */
  constructor(
    { host, secret, progress }: StreamStagerOptions,
    isPlan: (said: unknown) => said is P,
    remedy: Remedy,
  ) {
    this.host = host;
    this.#secret = secret;
    this.#progress = progress;
    this.#isPlan = isPlan;
    this.#remedy = remedy;
  }

  /**
   * Makes room for what is going to come.
   * @returns where to unpack it; undefined when this node holds all of it already
   * @throws PythonMpiError when the node-local directory cannot take it
   */
  protected abstract begin(
    plan: P,
  ): Promise<Pick<UnpackerOptions, 'directory' | 'permissions'> | undefined>;

  /** All files are there: completes what was begun for this plan. */
  protected abstract complete(plan: P, extracted: Extracted): Promise<void>;

  /**
   * Root: announces what has been opened, and reads from it whatever is asked for. Errors fail the
   * session.
   * @param note hears what is announced, and this node's own answer
   */
  async offer(
    driver: Driver,
    opened: Promise<Cargo<P>>,
    note: (plan: P, answer: Answer) => void = () => {},
  ): Promise<void> {
    try {
      const { sources, plan } = await opened;
      this.#sources = [...sources];
      const sizes = plan.packages.map(({ size }) => size);
      const answer = await this.#prepare(plan);
      note(plan, answer);
      driver.announce(sizes, encodePlan(plan, this.#secret), answer);
    } catch (error) {
      driver.failed(error);
    }
  }

  announced(opaque: Uint8Array): Promise<Answer> {
    return this.#prepare(decodePlan(opaque, this.#secret, this.#isPlan));
  }

  /** Root: resolves when bytes are asked for. All nodes that can come have come by then. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  async read(packageIndex: number, offset: number, into: Uint8Array): Promise<void> {
    this.#begun.resolve();
    await this.#sources[packageIndex]!.fill(into, offset);
  }

  deliver(bytes: Uint8Array): Promise<void> | undefined {
    return this.#unpacker!.deliver(bytes);
  }

  encode(error: PythonMpiError): { code: number; text: string } {
    return encodeFailure(this.remedied(error));
  }

  /** The error as the user is to see it. */
  protected remedied(thrown: unknown): PythonMpiError {
    return remedied(thrown, this.#remedy, this.host);
  }

  /**
   * The session is over, and what was begun is not to be completed. A verdict may come before this
   * node has begun to get ready, or while it does.
   */
  protected async stop(): Promise<void> {
    this.#abandoned = true;
    await this.#preparation;
    this.#unpacker?.abort();
    await this.#work;
  }

  /** No node asks for bytes any more. */
  async close(): Promise<void> {
    await Promise.all(this.#sources.splice(0).map(source => source.close()));
  }

  #prepare(plan: P): Promise<Answer> {
    const prepared = this.#begin(plan);
    this.#preparation = prepared.catch(() => {});
    return prepared;
  }

  async #begin(plan: P): Promise<Answer> {
    if (this.#abandoned) throw new PythonMpiError('CANCELLED', 'the session is over');
    const where = await this.begin(plan);
    if (where === undefined) return { says: 'held' };
    // A node that holds everything needs no threads.
    const { Unpacker } = await import('../stage/unpack/unpacker.ts');
    const { packages } = plan;
    const unpacker = new Unpacker({ ...where, packages, progress: this.#progress });
    this.#unpacker = unpacker;
    const staged = unpacker.finished.then(extracted => this.complete(plan, extracted));
    this.#work = staged.catch(() => {});
    return { says: 'needed', staged };
  }
}

/**
 * One node's part in a broadcast of files: says what it holds, takes the stream into a draft, and publishes it
 * when all nodes have theirs. Knows copies, not links.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Deadline } from '../../deadline.ts';
import { asPythonMpiError, PythonMpiError } from '../../errors.ts';
import type { Answer, Stager } from '../../net/driver.ts';
import type { Arrival } from '../../stage/copy/arrival.ts';
import { CopyDraft } from '../../stage/copy/copy-draft.ts';
import { PERMISSIONS } from '../../stage/copy/inventory.ts';
import type { PackageSource, PackageSpec } from '../../stage/package.ts';
import { checkSpace } from '../../stage/space.ts';
import { Intake, totalOf } from '../../stage/unpack/intake.ts';
import { decodePlan, encodeFailure, isPlan } from '../plan.ts';

/** What the root announces of a broadcast. */
export interface CopyPlan {
  packages: readonly PackageSpec[];
  /** Identity of what will be there afterwards, as Arrival knows it. */
  content: string;
}

/** What the root asks in the survey: whether a node holds this. */
export interface CopyQuestion {
  content: string;
}

function isCopyQuestion(said: unknown): said is CopyQuestion {
  return typeof (said as Partial<CopyQuestion> | null)?.content === 'string';
}

function isCopyPlan(said: unknown): said is CopyPlan {
  return isPlan(said) && isCopyQuestion(said);
}

export interface CopyStagerOptions {
  arrival: Arrival;
  /** Directory of the destination, absolute. */
  directory: string;
  host: string;
  secret: Buffer;
  deadline: Deadline;
  progress: (done: number, total: number) => void;
  /** The draft is complete. */
  staged: () => void;
  failed: (error: unknown) => void;
}

/** The error with a hint for who chose the destination: below, a chroot is meant. */
function aboutDestination(thrown: unknown, host: string): PythonMpiError {
  const error = asPythonMpiError(thrown);
  error.host ??= host;
  if (!error.hint?.includes('PYTHON_MPI_CHROOT')) return error;
  return new PythonMpiError(error.code, error.message, {
    host: error.host,
    hint: 'free some space there or choose another DEST, local to the node',
    cause: error,
  });
}

/** The survey: a session without a stream, after which the root knows whether all nodes hold the same. */
export class SurveyStager implements Stager {
  readonly #arrival: Arrival;
  readonly #secret: Buffer;
  readonly #host: string;

  constructor({ arrival, secret, host }: Pick<CopyStagerOptions, 'arrival' | 'secret' | 'host'>) {
    this.#arrival = arrival;
    this.#secret = secret;
    this.#host = host;
  }

  async announced(opaque: Uint8Array): Promise<Answer> {
    const { content } = decodePlan(opaque, this.#secret, isCopyQuestion);
    return this.#arrival.holds(content) ? 'held' : 'lacking';
  }

  read(): never {
    throw new PythonMpiError('INTERNAL', 'a survey has no stream');
  }

  deliver(): never {
    throw new PythonMpiError('INTERNAL', 'a survey has no stream');
  }

  encode(error: PythonMpiError): { code: number; text: string } {
    return encodeFailure(aboutDestination(error, this.#host));
  }
}

export class CopyStager implements Stager {
  readonly #options: CopyStagerOptions;
  #sources: readonly PackageSource[] = [];
  #draft: CopyDraft | undefined;
  #abandoned = false;
  #intake: Intake | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: CopyStagerOptions) {
    this.#options = options;
  }

  /** Root: what to read from. */
  serve(sources: readonly PackageSource[]): void {
    this.#sources = sources;
  }

  async announced(opaque: Uint8Array): Promise<Answer> {
    return this.prepare(decodePlan(opaque, this.#options.secret, isCopyPlan));
  }

  /**
   * Gets ready for the stream.
   * @returns 'held' when the destination holds the content already, else 'needed'
   * @throws PythonMpiError when the destination cannot take it
   */
  prepare({ packages, content }: CopyPlan): Answer {
    if (this.#abandoned) throw new PythonMpiError('CANCELLED', 'the session is over');
    const { arrival, directory, progress } = this.#options;
    if (arrival.holds(content)) return 'held';
    checkSpace(nearestExisting(directory), totalOf(packages, 'unpacked'));
    this.#draft = new CopyDraft(directory);
    this.#intake = new Intake(
      { directory: arrival.unpackInto(this.#draft), packages, permissions: PERMISSIONS },
      progress,
    );
    this.#work = this.#finish(this.#intake, this.#draft, content);
    return 'needed';
  }

  async read(packageIndex: number, offset: number, into: Uint8Array): Promise<void> {
    await this.#sources[packageIndex]!.fill(into, offset);
  }

  deliver(bytes: Uint8Array): Promise<void> | undefined {
    return this.#intake!.deliver(bytes);
  }

  encode(error: PythonMpiError): { code: number; text: string } {
    return encodeFailure(aboutDestination(error, this.#options.host));
  }

  /** After a good verdict: gives what arrived its name. @throws PythonMpiError */
  publish(): void {
    const draft = this.#draft;
    this.#draft = undefined;
    try {
      draft?.publish(this.#options.arrival.names);
    } catch (error) {
      throw aboutDestination(error, this.#options.host);
    }
  }

  /** The session has failed: leaves nothing behind. */
  async abandon(): Promise<void> {
    // A verdict may come before this node has begun to get ready.
    this.#abandoned = true;
    this.#intake?.abort();
    await this.#work;
    this.#draft?.discard();
  }

  /** Nobody asks for bytes any more. */
  async close(): Promise<void> {
    await Promise.all(this.#sources.map(source => source.close()));
  }

  async #finish(intake: Intake, draft: CopyDraft, content: string): Promise<void> {
    try {
      await intake.finished;
      this.#options.arrival.complete(draft, content);
      this.#options.staged();
    } catch (error) {
      if (asPythonMpiError(error).code !== 'CANCELLED') this.#options.failed(error);
    }
  }
}

/** The directory, or the nearest above it that is there already: its file system is the one that counts. */
function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(dirname(directory));
}

/**
 * One node's part in a broadcast of files: says what it holds, takes the stream into a draft, and
 * publishes it when all nodes have theirs.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { PythonMpiError } from '../../errors.ts';
import type { Answer, Stager } from '../../net/driver.ts';
import type { Arrival } from '../../stage/copy/arrival.ts';
import { CopyDraft } from '../../stage/copy/copy-draft.ts';
import { PERMISSIONS } from '../../stage/copy/inventory.ts';
import { totalOf } from '../../stage/package.ts';
import { checkSpace } from '../../stage/space.ts';
import { decodePlan, encodeFailure, isPlan, type Plan } from '../plan.ts';
import { CHOOSE_DEST, remedied } from '../remedy.ts';
import { StreamStager, type StreamStagerOptions } from '../stream-stager.ts';

/** What the root asks in the survey: whether a node holds this. */
export interface CopyQuestion {
  /** Identity of what will be there afterwards, as Arrival knows it. */
  content: string;
}

/** What the root announces of a broadcast. */
export interface CopyPlan extends Plan, CopyQuestion {}

function isCopyQuestion(said: unknown): said is CopyQuestion {
  return typeof (said as Partial<CopyQuestion> | null)?.content === 'string';
}

function isCopyPlan(said: unknown): said is CopyPlan {
  return isPlan(said) && isCopyQuestion(said);
}

export interface CopyStagerOptions extends StreamStagerOptions {
  arrival: Arrival;
  /** Directory of the destination, absolute. */
  directory: string;
}

/**
 * The survey: a session without a stream, after which the root knows whether all nodes hold the
 * same.
 */
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
    return { says: this.#arrival.holds(content) ? 'held' : 'lacking' };
  }

  read(): never {
    throw new PythonMpiError('INTERNAL', 'a survey has no stream');
  }

  deliver(): never {
    throw new PythonMpiError('INTERNAL', 'a survey has no stream');
  }

  encode(error: PythonMpiError): { code: number; text: string } {
    return encodeFailure(remedied(error, CHOOSE_DEST, this.#host));
  }
}

export class CopyStager extends StreamStager<CopyPlan> {
  readonly #arrival: Arrival;
  readonly #directory: string;
  #draft: CopyDraft | undefined;

  constructor(options: CopyStagerOptions) {
    super(options, isCopyPlan, CHOOSE_DEST);
    this.#arrival = options.arrival;
    this.#directory = options.directory;
  }

  /** After a good verdict: gives what arrived its name. @throws PythonMpiError */
  publish(): void {
    const draft = this.#draft;
    this.#draft = undefined;
    try {
      draft?.publish(this.#arrival.names);
    } catch (error) {
      throw this.remedied(error);
    }
  }

  /** The session has failed: leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.stop();
    this.#draft?.discard();
  }

  protected async begin({
    packages,
    content,
  }: CopyPlan): Promise<{ directory: string; permissions: number } | undefined> {
    if (this.#arrival.holds(content)) return undefined;
    checkSpace(nearestExisting(this.#directory), totalOf(packages, 'unpacked'));
    this.#draft = new CopyDraft(this.#directory);
    return { directory: this.#arrival.unpackInto(this.#draft), permissions: PERMISSIONS };
  }

  protected async complete({ content }: CopyPlan): Promise<void> {
    this.#arrival.complete(this.#draft!, content);
  }
}

/**
 * The directory, or the nearest above it that is there already: its file system is the one that
 * counts.
 */
function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(dirname(directory));
}

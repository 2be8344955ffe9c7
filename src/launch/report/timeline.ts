/**
 * What a node notes of its own run, for the report: moments on its own clock, and counts. Knows
 * nothing of how the notes travel or what is made of them.
 */
import { hostname } from 'node:os';
import { now } from '../../deadline.ts';
import type { Statistics } from '../../engine/engine.ts';
import type { PythonMpiError } from '../../errors.ts';
import type { Answer, Stager } from '../../net/driver.ts';

/**
 * Moments, in the order in which they come:
 *
 * - `met`: the launcher has been asked, this leader can be reached and knows the secret
 * - `joined`: connected to its parent (root: never)
 * - `planned`: knows what is going to come (root: has read and hashed the packages)
 * - `first`, `last`: the first and the last segment of the stream was complete and right
 * - `unpacked`, `published`: all files are there; under the name that Python will use
 * - `verdict`: knows that all nodes are ready, or that one has failed
 * - `python`: the leader's own Python runs; the other ranks of the node become theirs at about the
 *   same time
 */
export type Moment =
  | 'met'
  | 'joined'
  | 'planned'
  | 'first'
  | 'last'
  | 'unpacked'
  | 'published'
  | 'verdict'
  | 'python';

/** The notes of one node. Times in milliseconds since its leader's process began. */
export interface NodeRecord {
  host: string;
  /** Ranks of this node. */
  ranks: number;
  /** Position that the stream came from; undefined at the root, or when the node never joined. */
  parent: number | undefined;
  moments: Partial<Record<Moment, number>>;
  /** The node held everything before. */
  held: boolean;
  /** How far the stream had come: time, bytes. */
  arrivals: readonly (readonly [number, number])[];
  /** How long, before the last one came, segments stood waiting for room in the unpacker. */
  waitedMs: number;
  /** Root: how long it was reading packages. */
  readMs: number;
  statistics: Statistics | undefined;
  /** Most memory the leader's process ever had, in bytes. */
  peakBytes: number;
}

/** Most arrivals that are kept: enough to draw a line. */
const MAX_ARRIVALS = 48;

/** Sums the time during which at least one of several overlapping things is under way. */
class BusyTime {
  #under = 0;
  #since = 0;
  #total = 0;

  /** Up to this moment, in milliseconds. */
  until(at: number): number {
    return this.#total + (this.#under > 0 ? at - this.#since : 0);
  }

  during<T>(work: Promise<T>): Promise<T> {
    if (this.#under++ === 0) this.#since = now();
    return work.finally(() => {
      if (--this.#under === 0) this.#total += now() - this.#since;
    });
  }
}

export class Timeline {
  readonly #moments: Partial<Record<Moment, number>> = {};
  #parent: number | undefined;
  #held = false;
  #bytes = 0;
  #arrivals: [number, number][] = [];
  /** Every how many segments one is noted; doubles whenever there are too many notes. */
  #stride = 1;
  #segments = 0;
  readonly #waits = new BusyTime();
  #waitedMs = 0;
  readonly #read = new BusyTime();

  mark(moment: Moment): void {
    this.#moments[moment] = now();
  }

  /** What is going to come is known, and what this node makes of it. */
  answered(answer: Answer): void {
    this.mark('planned');
    this.#held = answer.says === 'held';
    const published = () => this.mark('published');
    if (answer.says === 'needed') answer.staged.then(published, () => {});
    else if (this.#held) published();
  }

  /** The stager itself, with notes taken of what the driver asks of it. */
  observe(stager: Stager): Stager {
    return {
      announced: async opaque => {
        const answer = await stager.announced(opaque);
        this.answered(answer);
        return answer;
      },
      joined: position => {
        this.#moments.joined ??= now();
        this.#parent = position;
      },
      read: (index, offset, into) => this.#read.during(stager.read(index, offset, into)),
      deliver: bytes => {
        this.#arrived(bytes.length);
        const taken = stager.deliver(bytes);
        return taken === undefined ? undefined : this.#waits.during(taken);
      },
      encode: (error: PythonMpiError) => stager.encode(error),
    };
  }

  /** All notes. */
  record(ranks: number, statistics: Statistics | undefined): NodeRecord {
    const { first, last } = this.#moments;
    const ends: [number, number][] = first === undefined ? [] : [[last!, this.#bytes]];
    return {
      host: hostname(),
      ranks,
      parent: this.#parent,
      moments: this.#moments,
      held: this.#held,
      arrivals: [...this.#arrivals, ...ends],
      waitedMs: this.#waitedMs,
      readMs: this.#read.until(now()),
      statistics,
      peakBytes: process.resourceUsage().maxRSS * 1024,
    };
  }

  #arrived(bytes: number): void {
    const at = now();
    this.#moments.first ??= at;
    this.#moments.last = at;
    this.#waitedMs = this.#waits.until(at);
    this.#bytes += bytes;
    if (this.#segments++ % this.#stride !== 0) return;
    this.#arrivals.push([at, this.#bytes]);
    if (this.#arrivals.length < MAX_ARRIVALS) return;
    this.#arrivals = this.#arrivals.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }
}

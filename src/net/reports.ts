/**
 * Brings one record of every node to the root, best effort, when the broadcast is over: up a wide
 * and shallow tree, so that no node hears from many, with the clocks below set against the root's
 * on the way.
 *
 *     child -> parent   {"clock":true}                                    a few times
 *     parent -> child   {"now":MS}
 *     child -> parent   {"position":..,"record":..,"offsetMs":..,"errorMs":..}   all it has
 *     child -> parent   {"end":true}
 *     parent -> child   {"taken":true}
 *
 * A parent waits for its children for a bounded time and then goes on without; a child whose parent
 * cannot be reached goes to the root. Knows nothing of what is in a record.
 */
import { Deadline, now } from '../deadline.ts';
import { asPythonMpiError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Card } from './card.ts';
import { dialAny } from './dial.ts';
import { REPORT } from './handshake.ts';
import { Lines } from './lines.ts';
import type { Link } from './link.ts';
import { childrenOf, levelsBelow, parentOf } from './wide-tree.ts';

/** How much longer a node waits for each further level below it, in milliseconds. */
const PATIENCE_PER_LEVEL_MS = 1500;
/** How long a parent may take to answer, and then to take everything, in milliseconds. */
const DIAL_MS = 1500;
const SEND_MS = 2000;
/** Questions for the time: the one that was answered fastest counts. */
const CLOCK_QUESTIONS = 8;

/** What came from a node. */
export interface Received<Content> {
  position: number;
  record: Content;
  /** To be added to a time of that node's clock to have the root's, in milliseconds. */
  offsetMs: number;
  /** The most by which the offset can be wrong, in milliseconds. */
  errorMs: number;
}

export interface ReportsOptions {
  position: number;
  /** Of positions. */
  count: number;
  secret: Buffer;
  log: Log;
  /** How long a parent may take to answer, and then to take everything, in milliseconds. */
  dialMs?: number;
  sendMs?: number;
}

/** One node's part. */
export class Reports<Content extends object> {
  readonly #options: ReportsOptions;
  readonly #received = new Map<number, Received<Content>>();
  /** Children that have yet to say that this was all. */
  readonly #missing: Set<number>;
  readonly #complete = Promise.withResolvers<void>();
  #expected: number;

  constructor(options: ReportsOptions) {
    const { position, count } = options;
    this.#options = options;
    this.#expected = count;
    this.#missing = new Set(childrenOf(position, count));
  }

  /** A node below has connected. */
  admit(link: Link): void {
    void this.#hear(link)
      // Whatever it is that goes wrong: the records that came before it count.
      .catch(() => link.destroy())
      .then(() => {
        this.#missing.delete(link.greeting.from);
        this.#look();
      });
  }

  /**
   * Hands over this node's record, and those from below once they are there or have been waited
   * for.
   * @param expected records there can be in the whole job, lost nodes not counted
   * @param patienceMs how long to wait for the nodes just below; of those further down there is
   *   more
   * @param parents cards of the nodes to report to, the best first; none at the root
   * @returns all that came, this node's own among them: at the root, all there are
   */
  async conclude(
    record: Content,
    expected: number,
    patienceMs: number,
    parents: readonly Card[],
  ): Promise<readonly Received<Content>[]> {
    const { position, count, log } = this.#options;
    const levels = levelsBelow(position, count);
    const patience = Deadline.after(patienceMs + PATIENCE_PER_LEVEL_MS * (levels - 1));
    this.#received.set(position, { position, record, offsetMs: 0, errorMs: 0 });
    this.#expected = expected;
    this.#look();
    await patience.wait(this.#complete.promise, 'the reports from below').catch(() => {});
    const all = [...this.#received.values()];
    for (const parent of parents) {
      try {
        await this.#sendUp(parent, all);
        break;
      } catch (error) {
        log(`cannot report to ${parent.host}: ${asPythonMpiError(error).message}`);
      }
    }
    return all;
  }

  /** Takes what a child says, to its end. */
  async #hear(link: Link): Promise<void> {
    // Most that can be honest: a bound for what a child can make this node keep.
    const most = this.#options.count;
    const lines = new Lines(link, 'a node below', most + 2);
    for (let entries = 0; entries <= most; ) {
      const message = (await lines.next()) as Message<Content>;
      if ('clock' in message) lines.send({ now: now() });
      else if ('end' in message) return lines.send({ taken: true });
      else {
        entries++;
        if (!this.#received.has(message.position)) this.#received.set(message.position, message);
      }
    }
    link.destroy();
  }

  async #sendUp(card: Card, all: readonly Received<Content>[]): Promise<void> {
    const { position, secret, dialMs = DIAL_MS, sendMs = SEND_MS } = this.#options;
    const greeting = { kind: REPORT, from: position, to: parentOf(position) } as const;
    const link = await dialAny(card.endpoints, secret, greeting, Deadline.after(dialMs));
    const lines = new Lines(link, card.host);
    const send = async () => {
      const { offsetMs, errorMs } = await compareClocks(lines);
      for (const entry of all) {
        lines.send({
          ...entry,
          offsetMs: entry.offsetMs + offsetMs,
          errorMs: entry.errorMs + errorMs,
        });
      }
      lines.send({ end: true });
      await lines.next();
    };
    try {
      await Deadline.after(sendMs).wait(send(), `${card.host} to take the report`);
    } finally {
      link.destroy();
    }
  }

  #look(): void {
    const { position } = this.#options;
    const isWhole = position === 0 && this.#received.size >= this.#expected;
    // Not before this node's own is there, which says how many to expect.
    if (this.#received.has(position) && (isWhole || this.#missing.size === 0)) {
      this.#complete.resolve();
    }
  }
}

type Message<Content> = { clock: true } | { end: true } | Received<Content>;

/**
 * Sets the other side's clock against ours. The answer was written between our question and its
 * arrival, so half of that time bounds the error.
 */
async function compareClocks(lines: Lines): Promise<{ offsetMs: number; errorMs: number }> {
  let best = { offsetMs: 0, errorMs: Number.POSITIVE_INFINITY };
  for (let question = 0; question < CLOCK_QUESTIONS; question++) {
    const asked = now();
    lines.send({ clock: true });
    const { now: theirs } = (await lines.next()) as { now: number };
    const answered = now();
    const errorMs = (answered - asked) / 2;
    if (errorMs < best.errorMs) best = { offsetMs: theirs - (asked + answered) / 2, errorMs };
  }
  return best;
}

/**
 * Performs the engine's actions on real links, files and time. Contains no protocol: what to do is
 * decided in the engine, what the bytes mean in the stager.
 */
import { Alarm, Deadline, now } from '../deadline.ts';
import {
  type Actions,
  Engine,
  type EngineConfig,
  type Failure,
  type Ready,
  SHAPE,
  type Statistics,
} from '../engine/engine.ts';
import { instantiate } from '../engine/load.ts';
import { asPythonMpiError, type PythonMpiError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Card } from './card.ts';
import { dialAny, retry } from './dial.ts';
import type { TreeKind } from './handshake.ts';
import type { Link } from './link.ts';
import { HEAD_BYTES } from './records.ts';

/** How long one address of a peer may take to answer, in milliseconds. */
const DIAL_MS = 5000;

/**
 * What a node makes of an announcement: it holds everything already; in a survey, which has no
 * stream, it lacks something; or it needs the stream, and `staged` settles when all of that is in
 * place, or cannot be.
 */
export type Answer = { says: 'held' | 'lacking' } | { says: 'needed'; staged: Promise<unknown> };

/** What this node does with the stream. Errors thrown here fail the session in this node's name. */
export interface Stager {
  /** Not at the root: the root's announcement. */
  announced(opaque: Uint8Array): Promise<Answer>;
  /** Root: reads a package's bytes. */
  read(packageIndex: number, offset: number, into: Uint8Array): Promise<void>;
  /** Takes the next bytes of the stream; they are free for others once the promise resolves. */
  deliver(bytes: Uint8Array): Promise<void> | undefined;
  /** Not at the root: connected to the parent at this position. */
  joined?(parent: number): void;
  /** How a failure of this stager travels. */
  encode(error: PythonMpiError): { code: number; text: string };
}

export type Verdict = { ready: Ready } | { failure: Failure };

export interface DriverOptions {
  kind: TreeKind;
  position: number;
  count: number;
  secret: Buffer;
  stager: Stager;
  /** Looks up where a position can be reached. */
  cardOf: (position: number) => Promise<Card>;
  /**
   * How much later than this node another one may begin to listen, in milliseconds; default not at
   * all.
   */
  latenessMs?: number;
  /** Shape of the tree, the same on all nodes; what costs least where none is wanted. */
  shape?: Shape | undefined;
  deadline: Deadline;
  log: Log;
  /** Packages are sealed too on their way to other nodes, not only authenticated. */
  encrypt?: boolean;
  engine?: Partial<EngineConfig>;
}

/** Shapes that a tree can be wanted in. */
export type Shape = 'auto' | 'binomial' | 'binary' | 'chain';

const SHAPES: Readonly<Record<Shape, number>> = {
  auto: SHAPE.BEST,
  binomial: SHAPE.BINOMIAL,
  binary: SHAPE.BINARY,
  chain: SHAPE.CHAIN,
};

export class Driver {
  readonly #options: DriverOptions;
  readonly #engine: Engine;
  readonly #actions: Actions;
  readonly #links = new Map<number, Link>();
  readonly #free: number[] = [];
  #hadParent = false;
  /** Records that did not verify. */
  #forged = 0;
  readonly #alarm: Alarm;
  #draining = false;
  #closed = false;
  #decide!: (verdict: Verdict) => void;
  #finish!: () => void;
  #break!: (error: unknown) => void;

  /** The verdict of the whole session. Rejects only when the engine itself is broken. */
  readonly verdict: Promise<Verdict>;
  /** Resolves when no node below needs this one any more. */
  readonly done: Promise<void>;

  constructor(options: DriverOptions) {
    this.#options = options;
    const maxLinks = Math.max(64, Math.min(4096, options.count));
    const config = {
      position: options.position,
      count: options.count,
      shape: SHAPES[options.shape ?? 'auto'],
      // Links carry records: their heads have room in front of each segment, and verify it.
      gapBytes: HEAD_BYTES,
      verified: 1,
      maxLinks,
      // To the engine 0 is no deadline at all, and this one may have passed while nodes met.
      deadlineMs: Math.max(1, Math.ceil(options.deadline.remaining)),
      ...options.engine,
    };
    this.#engine = new Engine(instantiate(), config, Math.floor(now()));
    for (let link = maxLinks - 1; link >= 0; link--) this.#free.push(link);
    this.verdict = new Promise((resolve, reject) => {
      this.#decide = resolve;
      this.#break = reject;
    });
    this.done = new Promise(resolve => {
      this.#finish = resolve;
    });
    this.#alarm = new Alarm(() => this.#happened(() => {}));
    this.#actions = this.#makeActions();
  }

  /** The shape that the tree has. */
  get shape(): Shape {
    const { shape } = this.#engine;
    return (Object.keys(SHAPES) as Shape[]).find(name => SHAPES[name] === shape) ?? 'auto';
  }

  /** What the engine has counted. What did not verify never came to it, and counts as corrupt. */
  get statistics(): Statistics {
    const statistics = this.#engine.statistics;
    return { ...statistics, corrupt: statistics.corrupt + this.#forged };
  }

  /** Root: announces what is going to be sent, and its own answer to that. */
  announce(sizes: readonly number[], opaque: Uint8Array, answer: Answer): void {
    this.#happened(engine => {
      engine.plan(sizes, opaque);
      this.#answer(answer);
    });
  }

  /** Begins: dials the parent, waits for children. */
  start(): void {
    this.#happened(() => {});
  }

  /** A child has connected and proved itself. */
  adopt(link: Link): void {
    const { from } = link.greeting;
    if (from >= this.#options.count || this.#free.length === 0) {
      link.destroy();
      return;
    }
    const id = this.#free.pop()!;
    if (this.#options.encrypt) link.sealAll();
    this.#happened(engine => {
      this.#links.set(id, link);
      engine.opened(id, from, 'child');
    });
    this.#read(id, link);
  }

  /** This node has failed, and with it the session. */
  failed(thrown: unknown): void {
    const { code, text } = this.#options.stager.encode(asPythonMpiError(thrown));
    this.#happened(engine => engine.failed(code, text));
  }

  /** Cuts all links. What happens from now on is ignored. */
  close(): void {
    this.#closed = true;
    this.#alarm.clear();
    for (const link of this.#links.values()) link.destroy();
    this.#links.clear();
  }

  /**
   * Tells the engine what happened and does what it then wants. Re-entrant: the outermost call
   * drains.
   */
  #happened(tell: (engine: Engine) => void): void {
    if (this.#closed) return;
    if (this.#draining) {
      tell(this.#engine);
      return;
    }
    this.#draining = true;
    try {
      this.#engine.tick(Math.floor(now()));
      tell(this.#engine);
      this.#engine.drain(this.#actions);
    } catch (error) {
      this.#break(error);
    }
    this.#draining = false;
    const { deadline } = this.#engine;
    if (deadline === Number.POSITIVE_INFINITY) this.#alarm.clear();
    else this.#alarm.set(deadline);
  }

  /** A node that needs nothing is ready at once. */
  #answer(answer: Answer): void {
    this.#engine.want(answer.says === 'needed');
    if (answer.says === 'needed')
      answer.staged.then(
        () => this.#happened(engine => engine.staged(false)),
        error => this.failed(error),
      );
    else this.#engine.staged(answer.says === 'held');
  }

  #makeActions(): Actions {
    const { stager, log } = this.#options;
    const engine = this.#engine;
    return {
      dial: position => void this.#dial(position),
      plan: opaque => {
        stager.announced(opaque).then(
          answer => this.#happened(() => this.#answer(answer)),
          error => this.failed(error),
        );
      },
      read: (slot, packageIndex, offset, into) => {
        stager.read(packageIndex, offset, into).then(
          () => this.#happened(() => engine.read(slot)),
          error => this.failed(error),
        );
      },
      send: (id, bytes) => {
        const link = this.#links.get(id);
        link?.send(bytes, () => {
          // Ids are used again: this answer may be for a link that is no more.
          if (this.#links.get(id) === link) this.#happened(() => engine.sent(id, bytes.length));
        });
      },
      deliver: (_package, _offset, bytes) => {
        const taken = stager.deliver(bytes);
        if (taken === undefined) engine.delivered(1);
        else
          taken.then(
            () => this.#happened(() => engine.delivered(1)),
            error => this.failed(error),
          );
      },
      close: (id, reason) => {
        const link = this.#links.get(id);
        if (link === undefined) return;
        const { from, to } = link.greeting;
        log(
          `closes the link to position ${from === this.#options.position ? to : from}: ${reason}`,
        );
        this.#links.delete(id);
        this.#free.push(id);
        link.destroy();
      },
      ready: ready => this.#decide({ ready }),
      failed: failure => this.#decide({ failure }),
      done: () => this.#finish(),
    };
  }

  #read(id: number, link: Link): void {
    const gone = (reason: string, isForged = false) => {
      if (this.#links.get(id) !== link) return;
      if (isForged) this.#forged++;
      this.#options.log(`lost the link to ${link.peer}: ${reason}`);
      this.#links.delete(id);
      this.#free.push(id);
      this.#happened(engine => engine.lost(id));
    };
    link.read({
      place: () => (this.#links.get(id) === link ? this.#engine.place(id) : undefined),
      put: bytes => this.#engine.put(bytes),
      received: bytes => {
        if (this.#links.get(id) !== link) return;
        this.#happened(engine => engine.feed(id, bytes));
      },
      ended: () => gone('the peer closed it'),
      lost: gone,
    });
  }

  async #dial(position: number): Promise<void> {
    const { kind, secret, cardOf, log } = this.#options;
    const { position: from, deadline } = this.#options;
    const greeting = { kind, from, to: position, returns: this.#hadParent };
    try {
      const card = await cardOf(position);
      // A new parent in place of a lost one has listened for long, or is lost too: it is
      // not waited for.
      const late = Deadline.after(this.#hadParent ? 0 : (this.#options.latenessMs ?? 0));
      const link = await retry(
        () => dialAny(card.endpoints, secret, greeting, Deadline.after(DIAL_MS)),
        late,
        deadline,
      );
      const id = this.#free.pop();
      if (id === undefined) {
        link.destroy();
        throw new Error('there are too many links');
      }
      log(`parent is position ${position} on ${card.host}, ${link.peer}`);
      if (this.#options.encrypt) link.sealAll();
      this.#options.stager.joined?.(position);
      this.#happened(engine => {
        this.#links.set(id, link);
        this.#hadParent = true;
        engine.opened(id, position, 'parent');
      });
      this.#read(id, link);
    } catch (error) {
      log(`cannot reach position ${position}: ${asPythonMpiError(error).message}`);
      this.#happened(engine => engine.dialFailed(position));
    }
  }
}

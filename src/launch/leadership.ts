/**
 * What it takes to lead a node: to be found by the leaders of other nodes and by the other ranks of
 * this one, and to take part in sessions. Knows nothing of what is broadcast.
 */
import { hostname } from 'node:os';
import { Deadline } from '../deadline.ts';
import type { Failure, Ready } from '../engine/engine.ts';
import { codeOfStatus, JobFailed, type PythonMpiError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Driver, type Stager, type Verdict } from '../net/driver.ts';
import {
  type Greeting,
  type Kind,
  LOCAL,
  REPORT,
  STORE,
  TREE,
  type TreeKind,
} from '../net/handshake.ts';
import type { Link } from '../net/link.ts';
import { Listener } from '../net/listener.ts';
import { LocalGathering } from '../net/local.ts';
import { isProcessIdentity, type ProcessIdentity } from '../process-identity.ts';
import { CLEANUP_MS } from './failure.ts';
import { decodeFailure, encodeFailure, type LocalVerdict } from './plan.ts';
import type { NodeMap } from './rendezvous/node-map.ts';
import type { Rendezvous } from './rendezvous/rendezvous.ts';
import { deserted, tellsVerdict } from './rendezvous/who-tells.ts';
import type { Configuration } from './run.ts';

/** How long started leaders may take to connect to their parents, in milliseconds. */
const GRACE_MS = 30_000;
/**
 * How long the launcher may take to start them, where some may be missing in the end, in
 * milliseconds.
 */
const START_MS = 90_000;
/**
 * How long a node that has lost its parent may take to come back by another, and how long a parent
 * may be silent until it is taken for lost, in milliseconds.
 */
const REJOIN_MS = 10_000;

/** What the user may set of a session; the shape of the tree is the same on all leaders. */
type SessionOptions = Partial<Pick<Configuration, 'tolerateLostNodes' | 'encrypt' | 'tree'>>;

export class Leadership {
  /** Name of this node, for messages. */
  readonly host = hostname();
  /** The other ranks of this node. */
  readonly gathering: LocalGathering<ProcessIdentity, LocalVerdict>;
  readonly #rendezvous: Rendezvous;
  readonly #nodeMap: NodeMap;
  readonly #deadline: Deadline;
  readonly #log: Log;
  readonly #listener: Listener;
  readonly #drivers: Driver[] = [];
  /** What takes the links of a kind. */
  readonly #attended = new Map<Kind, (link: Link) => void>();
  /** Links of kinds that are not attended to yet. */
  #early: Link[] = [];
  #secret!: Buffer;
  /** Kinds and numbers of the peers that have come. */
  readonly #came = new Set<string>();
  /** All nodes have what this run is about. */
  #isDecided = false;

  private constructor(rendezvous: Rendezvous, nodeMap: NodeMap, deadline: Deadline, log: Log) {
    this.#rendezvous = rendezvous;
    this.#nodeMap = nodeMap;
    this.#deadline = deadline;
    this.#log = log;
    this.gathering = new LocalGathering(nodeMap.locals - 1, isProcessIdentity);
    this.attend(LOCAL, link => void this.gathering.admit(link));
    this.#listener = new Listener(
      link => this.#admit(link),
      greeting => this.#expects(greeting),
    );
  }

  /**
   * Takes this rank's place among the leaders: opens its listener and makes it known.
   * @param deadline of everything that follows
   * @throws PythonMpiError as Rendezvous.lead
   */
  static async take(
    rendezvous: Rendezvous,
    nodeMap: NodeMap,
    deadline: Deadline,
    log: Log,
  ): Promise<Leadership> {
    const leadership = new Leadership(rendezvous, nodeMap, deadline, log);
    try {
      leadership.#secret = await rendezvous.lead(leadership.#listener);
    } catch (thrown) {
      throw nodeMap.position === 0 ? thrown : deserted(thrown);
    }
    leadership.#listener.admit(leadership.#secret);
    log(`leads node ${nodeMap.position} of ${leadership.#leaders}, ${nodeMap.locals} ranks here`);
    return leadership;
  }

  /** What all ranks of the job share. */
  get secret(): Buffer {
    return this.#secret;
  }

  /**
   * Takes part in a session. All leaders take part in the same ones, in the same order.
   */
  join(
    kind: TreeKind,
    stager: Stager,
    {
      tolerateLostNodes: tolerateLost = false,
      encrypt = false,
      tree: shape = 'auto',
    }: SessionOptions = {},
  ): Driver {
    const driver = new Driver({
      kind,
      position: this.#nodeMap.position,
      count: this.#leaders,
      secret: this.#secret,
      stager,
      cardOf: position => this.#rendezvous.cardOf(position),
      latenessMs: this.#rendezvous.latenessMs,
      shape,
      deadline: this.#deadline,
      log: this.#log,
      encrypt,
      engine: { tolerateLost: Number(tolerateLost), ...this.#patience(tolerateLost) },
    });
    this.#drivers.push(driver);
    const decided = (verdict: Verdict) => {
      // A survey is but the beginning of a run; what fails is told to all that come.
      if (kind !== TREE || !('ready' in verdict)) return;
      this.#isDecided = true;
      this.#rendezvous.settled?.();
    };
    driver.verdict.then(decided, () => {});
    const why = shape === 'auto' ? 'it costs least' : 'as the user wants it';
    this.#log(`tree: ${driver.shape} of ${this.#leaders} nodes, ${why}`);
    driver.start();
    this.attend(kind, link => driver.adopt(link));
    return driver;
  }

  /** Links of this kind go to `accept` from now on, first those that were early. */
  attend(kind: Kind, accept: (link: Link) => void): void {
    this.#attended.set(kind, accept);
    for (const link of this.#early.splice(0)) this.#admit(link);
  }

  /**
   * Waits for the verdict of a session. If it is a failure, tells the user, where this rank has to,
   * and the ranks of this node.
   * @throws JobFailed for a failure
   */
  async verdictOf(driver: Driver, complain: (error: PythonMpiError) => void): Promise<Ready> {
    const verdict = await driver.verdict;
    if ('ready' in verdict) return verdict.ready;
    const error = await this.#explain(verdict.failure);
    // Before any rank ends: a launcher may kill this one as soon as the first one does.
    if (tellsVerdict(this.#nodeMap, verdict.failure)) complain(error);
    this.gathering.announce({ failure: encodeFailure(error) });
    throw new JobFailed(error);
  }

  /** The error behind a session's failure, naming the node. */
  async #explain({ code, position, text }: Failure): Promise<PythonMpiError> {
    const culprit = position === this.#nodeMap.position ? this.host : await this.#hostOf(position);
    const late = codeOfStatus(code) === 'TIMEOUT';
    return decodeFailure(code, text, `${late ? 'timed out waiting for' : 'lost'} node ${culprit}`);
  }

  /**
   * Resolves when no other rank needs this leader any more, or time for that is over; all links are
   * closed then.
   * @param also whatever else has to have ended
   */
  async conclude(also: Promise<void> = Promise.resolve()): Promise<void> {
    const aftermath = Deadline.after(CLEANUP_MS);
    await Promise.allSettled([
      ...this.#drivers.map(driver => aftermath.wait(driver.done, 'the nodes below')),
      this.gathering.all(aftermath),
      aftermath.wait(also, 'the report'),
    ]);
    for (const driver of this.#drivers.splice(0)) driver.close();
    this.#attended.clear();
    for (const link of this.#early) link.destroy();
    this.#listener.close();
    this.#rendezvous.close();
  }

  /**
   * How long nodes that have yet to connect are waited for, and nodes that have lost their parent.
   * A node that may not have been started yet has nearly all the time there is, unless nodes may be
   * missing in the end.
   */
  #patience(tolerateLost: boolean): { graceMs: number; rejoinMs: number; silentMs: number } {
    const { remaining } = this.#deadline;
    const rejoinMs = Math.ceil(Math.max(1, Math.min(REJOIN_MS, remaining / 4)));
    let graceMs = remaining - 1.5 * rejoinMs;
    if (this.#rendezvous.allStarted) graceMs = Math.min(GRACE_MS, remaining / 4);
    else if (tolerateLost) graceMs = Math.min(START_MS, remaining / 2);
    return { graceMs: Math.ceil(Math.max(1, graceMs)), rejoinMs, silentMs: rejoinMs };
  }

  /**
   * Leaders that share a host know the same secret, and may listen where another one was expected.
   * The ranks of the next run know it, too, and may come before this run is over: where a rank has
   * been before, or all is decided, a first contact is not meant for this run.
   */
  #expects({ kind, from, to, returns }: Greeting): boolean | 'later' {
    if (to !== this.#nodeMap.position) return false;
    if (kind !== LOCAL && (kind === STORE || from >= this.#leaders)) return false;
    if (kind === REPORT || returns) return true;
    const isOver = this.#isDecided && kind !== LOCAL;
    return isOver || this.#came.has(`${kind} ${from}`) ? 'later' : true;
  }

  get #leaders(): number {
    return this.#nodeMap.leaders.length;
  }

  #admit(link: Link): void {
    const { kind, from } = link.greeting;
    this.#came.add(`${kind} ${from}`);
    const accept = this.#attended.get(kind);
    if (accept !== undefined) accept(link);
    else if (this.#early.length < this.#leaders) this.#early.push(link);
    else link.destroy();
  }

  async #hostOf(position: number): Promise<string> {
    const card = await this.#rendezvous.cardOf(position).catch(() => undefined);
    return card?.host ?? `at position ${position}`;
  }
}

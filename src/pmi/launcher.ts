/**
 * What every way of finding one's peers comes to: the words the launch speaks, and nothing else.
 *
 * A method is one file that knows one launcher; detect.ts holds the ordered list. Methods read the
 * environment they are given and never the process's own.
 */
import type { Deadline } from '../deadline.ts';
import type { Log } from '../log.ts';
import type { Outcome } from '../outcome.ts';
import type { RendezvousFile } from './rendezvous-file.ts';

/**
 * The launcher's key-value store. Every wait ends at the deadline the rendezvous was opened with.
 */
export interface Kvs {
  /**
   * Stores a value that all ranks can read after the next {@link fence}.
   * @param key one printable word of at most 63 bytes
   * @param value one printable word of at most 900 bytes, without semicolons; encode anything else
   *   as base64url
   * @throws PythonMpiError INTERNAL for a key or value outside these limits; LAUNCHER, TIMEOUT
   */
  put(key: string, value: string): Promise<void>;
  /**
   * Waits until every rank of the job has come here as often as this one.
   * @throws PythonMpiError LAUNCHER, TIMEOUT; PEER_LOST where the launcher says that a rank ended
   *   instead
   */
  fence(): Promise<void>;
  /**
   * A value that some rank stored before a fence.
   * @param owner the rank that stored it, 0 if not given: some launchers keep values by rank
   * @throws PythonMpiError LAUNCHER also when no rank stored it; TIMEOUT
   */
  get(key: string, owner?: number): Promise<string>;
}

/** Where the ranks of the job are, as far as the launcher says. */
export interface Placement {
  readonly rank: number;
  readonly size: number;
  /**
   * nodes[r] is the node of rank r: dense numbers from 0, in order of first appearance by rank.
   * Undefined when the launcher does not say.
   */
  readonly nodes: readonly number[] | undefined;
}

/** What Python needs to find the launcher's connection after us. */
export interface HandOver {
  /** Changes to Python's environment; undefined removes a variable. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A descriptor to pass on under its own number. */
  readonly descriptor: number | undefined;
  /** Whether this process must outlive Python, because the launcher must be told the end. */
  readonly parentMustStay: boolean;
}

/**
 * Milliseconds a launcher has to acknowledge the end, long after the deadline of the rendezvous.
 */
export const FAREWELL_MS = 5000;

/** This rank's connection to its launcher and its place in the job. */
export interface LauncherSession {
  /** Name of the method that opened it. */
  readonly launcher: string;
  /** Why this method was chosen, for the traced story. */
  readonly why: string;
  readonly placement: Placement;
  /** Absent where the launcher has none to offer. */
  readonly kvs: Kvs | undefined;
  /** Host name of each node of `placement.nodes`, where the launcher says it. */
  readonly hosts?: readonly string[];
  /**
   * The job's own identity, the same on every rank and in no other job, where the launcher says it.
   */
  readonly jobId?: string;
  /**
   * Where the root can leave word for the others, where the launcher neither has a store nor says
   * where they are. The launch makes a store of it.
   */
  readonly rendezvousFile?: RendezvousFile;
  /**
   * Command line, without quotes, that ends all ranks, this one perhaps not: where the launcher
   * lets the others run on when one has failed, and cannot be told otherwise.
   */
  readonly endCommand?: string;
  readonly handOver: HandOver;
  /**
   * Ends this rank's use of the kvs. To be called before Python starts: a launcher may have to be
   * told before it hears from Python.
   * @throws PythonMpiError LAUNCHER, TIMEOUT
   */
  settle(): Promise<void>;
  /**
   * Tells the launcher how Python, or the staging before it, ended: finalizes on Python's behalf
   * after success, aborts the job with the status after a failure. A launcher that has gone or was
   * told by Python is no error.
   */
  finish(outcome: Outcome): Promise<void>;
  /**
   * Asks the launcher to end the job with `status`. Never fails: a launcher that cannot be asked
   * has gone.
   */
  abort(status: number): Promise<void>;
}

/** What a method is opened with. */
export interface Opening {
  readonly env: NodeJS.ProcessEnv;
  readonly why: string;
  readonly deadline: Deadline;
  readonly log: Log;
}

/** One way of finding one's peers. */
export interface Method {
  readonly name: string;
  /**
   * Whether the environment is this launcher's: what in it says so, or undefined. Speaks to no
   * launcher.
   * @param log hears why, when another method is the better one although the environment is this
   *   one's
   */
  claims(env: NodeJS.ProcessEnv, log: Log): string | undefined;
  /**
   * Connects to the launcher and learns this rank's place.
   * @throws PythonMpiError LAUNCHER when the environment promises what is not there or the launcher
   *   misbehaves; TIMEOUT when it does not answer before the deadline
   */
  open(opening: Opening): Promise<LauncherSession>;
}

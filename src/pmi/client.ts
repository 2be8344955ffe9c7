/**
 * A rank's side of PMI, of either version: what a session needs of it.
 */
import type { Deadline } from '../deadline.ts';

/**
 * All throw PythonMpiError: LAUNCHER when the launcher closes, refuses or sends what is no answer,
 * TIMEOUT when the deadline comes first.
 */
export interface PmiClient {
  /** Starts the session. */
  init(deadline: Deadline): Promise<void>;
  /** What PMI_process_mapping says, or undefined when the server has none. */
  mapping(deadline: Deadline): Promise<string | undefined>;
  /** @throws PythonMpiError INTERNAL also, for a key or value that cannot be sent */
  put(key: string, value: string, deadline: Deadline): Promise<void>;
  /** The value of a key, or undefined when the server does not have it. */
  get(key: string, deadline: Deadline): Promise<string | undefined>;
  /** Waits for every rank of the job. */
  fence(deadline: Deadline): Promise<void>;
  /** Ends the session and with it, on most servers, the connection. */
  finalize(deadline: Deadline): Promise<void>;
  /** Asks for what the launcher always answers, and what changes nothing. */
  ping(deadline: Deadline): Promise<void>;
  /**
   * Asks the launcher to end the job. There is no reply, so it does not wait for its turn: it must
   * get through while a barrier hangs.
   * @throws the system's error when the launcher has gone
   */
  abort(status: number): Promise<void>;
  /** Gives up the connection on this side. */
  close(): void;
}

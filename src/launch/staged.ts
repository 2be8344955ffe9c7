/**
 * What staging leaves to a rank.
 */
import type { ProcessIdentity } from '../process-identity.ts';

export interface Staged {
  /** The prefix that Python is to run from. */
  directory: string;
  /** What its node's leader has yet to do; undefined for the other ranks. */
  caretaker: Caretaker | undefined;
}

/** A node leader after the staging: the prefix is in its care while Pythons run from it. */
export interface Caretaker {
  /** Resolves when nothing of the staging is needed any more but the prefix. */
  over: Promise<void>;
  /** This rank's Python runs, and uses the prefix. */
  started(python: ProcessIdentity): void;
  /** Waits until no rank of the node uses the prefix, and lets go of it. */
  release(): Promise<void>;
}

/**
 * The one policy of who tells the user of an error: one of the ranks that see it, and before any of
 * them ends. Where an error is thrown only a fact is stated, {@link SeenBy}. Knows nothing of how
 * the user is told.
 */
import type { Failure } from '../../engine/engine.ts';
import {
  asPythonMpiError,
  codeOfStatus,
  type ErrorCode,
  type PythonMpiError,
} from '../../errors.ts';
import type { NodeMap } from './node-map.ts';

/** Which rank this is, as far as it has found out. */
export interface Seer {
  rank: number;
  /** Undefined before the ranks have found each other: until then no error is one of a node. */
  nodeMap: Pick<NodeMap, 'leads' | 'isDeputy'> | undefined;
}

/** Whether a rank tells the user of an error that it sees. */
export function tells({ rank, nodeMap }: Seer, { seenBy }: PythonMpiError): boolean {
  switch (seenBy) {
    case 'this rank':
      return true;
    case 'this node':
      return nodeMap?.leads ?? true;
    case 'the first rank':
      return rank === 0;
    case 'all but the first rank':
      return nodeMap?.isDeputy ?? true;
  }
}

/**
 * Whether a leader tells the user of a session's failure: the root does, unless it is what was
 * lost.
 */
export function tellsVerdict(
  { position: own, isDeputy }: Pick<NodeMap, 'position' | 'isDeputy'>,
  { code, position }: Failure,
): boolean {
  return own === 0 || (isDeputy && position === 0 && codeOfStatus(code) === 'PEER_LOST');
}

/** What a rank finds that cannot reach another one, or waits for it in vain. */
const DESERTED: readonly ErrorCode[] = ['PEER_LOST', 'UNREACHABLE', 'TIMEOUT'];

/**
 * An error of a rank, not the first, that cannot go on without another one. All such ranks see the
 * same, and the first one, while it lives, sees what it comes from.
 */
export function deserted(thrown: unknown): PythonMpiError {
  const error = asPythonMpiError(thrown);
  if (DESERTED.includes(error.code) && error.seenBy === 'this rank')
    error.seenBy = 'all but the first rank';
  return error;
}

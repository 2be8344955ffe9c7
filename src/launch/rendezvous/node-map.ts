/**
 * Which rank leads which node, from what the launcher says about placement, or else the ranks to
 * each other.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LauncherSession, Placement } from '../../pmi/launcher.ts';
import { groupByHost } from './group-by-host.ts';

export interface NodeMap {
  /**
   * This rank's node, which is its leader's position in the tree. The root's node is position 0.
   */
  position: number;
  /** Rank of the leader of each position. */
  leaders: readonly number[];
  /** Whether this rank is its node's leader. */
  leads: boolean;
  /** Ranks on this node. */
  locals: number;
  /**
   * Whether this rank tells the user what has become of the first one, which tells of everything
   * else: the leader next to the root, or the rank next to it where there is but one node.
   */
  isDeputy: boolean;
}

/**
 * The lowest rank of each node leads it; rank 0 is the root. Where the launcher does not say which
 * ranks share a node, every rank counts as a node of its own: wasteful, and right.
 */
export function nodeMapOf({ rank, size, nodes }: Placement): NodeMap {
  if (nodes === undefined) {
    return {
      position: rank,
      leaders: Array.from({ length: size }, (_, r) => r),
      leads: true,
      locals: 1,
      isDeputy: rank === 1,
    };
  }
  const leaders: number[] = [];
  let locals = 0;
  const position = nodes[rank]!;
  nodes.forEach((node, r) => {
    leaders[node] ??= r;
    if (node === position) locals++;
  });
  return {
    position,
    leaders,
    leads: leaders[position] === rank,
    locals,
    isDeputy: rank === (leaders[1] ?? 1),
  };
}

/**
 * The same for a rank whose launcher may not say which ranks share a node: all ranks then find out,
 * through its store.
 * @throws PythonMpiError LAUNCHER, TIMEOUT
 */
export async function findNodeMap({ placement, kvs }: LauncherSession): Promise<NodeMap> {
  if (placement.nodes !== undefined || kvs === undefined || placement.size === 1)
    return nodeMapOf(placement);
  const nodes = await groupByHost(kvs, placement, `${hostname()} ${bootIdentity()}`);
  return nodeMapOf({ ...placement, nodes });
}

/** Tells machines apart that all call themselves localhost. */
function bootIdentity(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

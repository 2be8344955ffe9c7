/**
 * Which tree a session uses. All positions must come to the same answer before they have heard from each other,
 * so it can only depend on how many they are.
 *
 * Packages are large. In a binomial tree the root sends log2(count) copies of them through its one cable; in a chain
 * everybody sends one, and the last node is behind by one segment per hop. With S bytes, segments of s and a
 * cable of B bytes per second:
 *
 *     binomial   log2(count) * S / B
 *     chain      S / B + (count - 2) * (s / B + what a hop costs)
 *
 * A hop costs less than a millisecond, and so does a segment on any network worth staging over. What limits a chain is
 * not that but its length: a lost node holds up all behind it until they have found a new parent.
 */
import { SHAPE } from '../engine/engine.ts';

/** Nodes up to which a chain is used: from here on a binomial tree is not much slower, and much less deep. */
const LONGEST_CHAIN = 16;

/** The shape for a session of `count` node leaders: one of SHAPE. */
export function shapeOf(count: number): number {
  return count <= LONGEST_CHAIN ? SHAPE.CHAIN : SHAPE.BINOMIAL;
}

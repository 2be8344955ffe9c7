/**
 * A wide and shallow tree of positions, for words on their way to or from the root: position p has
 * the children p * width + 1 and so on, the root is position 0. Pure arithmetic; the tree that
 * packages take is the engine's.
 */

/** Children of a position: 33,824 positions are within three links of the root. */
const WIDTH = 32;

/** The position just above one that is not the root. */
export function parentOf(position: number, width = WIDTH): number {
  return Math.floor((position - 1) / width);
}

/** The positions just below one, of `count` in all. */
export function childrenOf(position: number, count: number, width = WIDTH): number[] {
  const first = position * width + 1;
  return Array.from({ length: Math.max(0, Math.min(width, count - first)) }, (_, i) => first + i);
}

/** The positions from the parent to the root; none for the root. */
export function ancestorsOf(position: number, width = WIDTH): number[] {
  if (position === 0) return [];
  const parent = parentOf(position, width);
  return [parent, ...ancestorsOf(parent, width)];
}

/** Levels of the tree below a position. */
export function levelsBelow(position: number, count: number, width = WIDTH): number {
  const first = position * width + 1;
  return first < count ? 1 + levelsBelow(first, count, width) : 0;
}

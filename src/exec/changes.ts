/**
 * Changes to an environment that this program never sees: that of a rank, as bytes. The starter
 * makes them; see starter/word.h.
 */
export type Change =
  | readonly ['set', name: string, value: string]
  | readonly ['unset', name: string]
  /** Bytes in front of a value, with the joint between them if there is one. */
  | readonly ['before', name: string, bytes: string, joint: string]
  /** The rank's number, which is `number` where the starter does not know it, with more behind. */
  | readonly ['rank', name: string, number: string, more: string]
  /** The number of the process, with more in front. */
  | readonly ['self', name: string, more: string];

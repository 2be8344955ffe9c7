/**
 * The unit of the tar format: a header is one block, and content fills whole ones.
 */

/** Bytes. */
export const BLOCK = 512;

/** How many bytes follow so many bytes of content until the end of their last block. */
export function paddingOf(bytes: number): number {
  return (BLOCK - (bytes % BLOCK)) % BLOCK;
}

/**
 * Work ahead, deliver in order: what reading many small files from a slow file system and
 * compressing frames on several threads have in common. Knows nothing of either.
 */

/**
 * Calls `work` on each item, at most `width` calls under way, and yields the results in the items'
 * order. When the consumer stops or a call fails, no new call is made; those under way are waited
 * for, so that nothing they use is pulled from under them.
 */
export async function* ordered<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underway: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const call = work(item);
      call.catch(() => {}); // It is awaited below, in its turn; until then it is not unhandled.
      underway.push(call);
      if (underway.length >= width) yield await underway.shift()!;
    }
    while (underway.length > 0) yield await underway.shift()!;
  } finally {
    await Promise.allSettled(underway);
  }
}

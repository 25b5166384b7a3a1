/** @file The same work for many items, several at a time. */

/**
 * Does `work` for each item, at most `lanes` at a time, in order of the items. After a failure no further item is begun,
 * and nothing is left running when it is thrown.
 * @throws the first failure, once what was under way has settled
 */
export async function inLanes<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const lane = async () => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        await work(items[index], index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}

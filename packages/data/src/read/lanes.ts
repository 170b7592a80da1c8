/** Files that are read at a time. */
const LANES = 16;

/** `read` for every item, some at a time; the results in the order of the items. */
export async function inLanes<T, R>(items: readonly T[], read: (item: T, i: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += LANES)
    results.push(...(await Promise.all(items.slice(start, start + LANES).map((item, i) => read(item, start + i)))));
  return results;
}

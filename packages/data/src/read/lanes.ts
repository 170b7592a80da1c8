import type { KdError } from '@kd/core/plain';
import { attemptLater, type TellFault } from './faults.js';

/** Files that are read at a time. */
const LANES = 16;

/**
 * `read` for every item, some at a time; the results in the order of the items, null where it threw a fault. Faults are
 * told in that order, too, whichever item was read first.
 */
export async function inLanes<T, R>(
  items: readonly T[],
  tell: TellFault,
  read: (item: T, tell: TellFault) => Promise<R>,
): Promise<(R | null)[]> {
  const results: (R | null)[] = [];
  for (let start = 0; start < items.length; start += LANES) {
    const done = await Promise.all(
      items.slice(start, start + LANES).map(async (item) => {
        const faults: KdError[] = [];
        const take: TellFault = (fault) => void faults.push(fault);
        return { result: await attemptLater(take, () => read(item, take)), faults };
      }),
    );
    for (const { result, faults } of done) {
      faults.forEach(tell);
      results.push(result);
    }
  }
  return results;
}

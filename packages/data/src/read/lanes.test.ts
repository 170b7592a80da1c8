import { KdError } from '@kd/core/plain';
import { expect, it } from 'vitest';
import { inLanes } from './lanes.js';

it('gives results and faults in the order of the items, whichever was read first', async () => {
  const items = Array.from({ length: 40 }, (_, i) => i);
  const ended: number[] = [];
  const told: string[] = [];
  const results = await inLanes(
    items,
    ({ message }) => void told.push(message),
    async (item, tell) => {
      // The first of each lot takes the longest.
      for (let turns = 16 - (item % 16); turns > 0; turns--) await Promise.resolve();
      ended.push(item);
      tell(new KdError('DATA_INVALID', `row of ${item}`));
      if (item % 3 === 0) throw new KdError('DATA_INVALID', `file ${item}`);
      return item;
    },
  );
  expect(ended.slice(0, 16)).toEqual(items.slice(0, 16).reverse());
  expect(results).toEqual(items.map((item) => (item % 3 === 0 ? null : item)));
  expect(told).toEqual(items.flatMap((item) => [`row of ${item}`, ...(item % 3 === 0 ? [`file ${item}`] : [])]));
});

it('passes on what is no fault', async () => {
  const broken = inLanes(
    [1],
    () => undefined,
    () => Promise.reject(new TypeError('of our own')),
  );
  await expect(broken).rejects.toThrow(TypeError);
});

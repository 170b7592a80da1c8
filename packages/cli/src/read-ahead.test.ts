import { expect, test } from 'vitest';
import { readAhead } from './read-ahead.js';

test('gives results in the order of the items, with that many started before they are asked for', async () => {
  const started: number[] = [];
  const finish: (() => void)[] = [];
  const all = readAhead([0, 1, 2, 3], 2, (item) => {
    started.push(item);
    return new Promise<string>((resolve, reject) => {
      finish[item] = () => (item === 1 ? reject(new Error('bad')) : resolve(`done ${item}`));
    });
  });
  const first = all.next();
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2]);
  finish[2]!();
  finish[1]!();
  finish[0]!();
  expect((await first).value).toEqual({ item: 0, result: { status: 'fulfilled', value: 'done 0' } });
  expect(started).toEqual([0, 1, 2]);
  expect((await all.next()).value).toMatchObject({ item: 1, result: { status: 'rejected' } });
  expect(started).toEqual([0, 1, 2, 3]);
  expect((await all.next()).value).toMatchObject({ result: { value: 'done 2' } });
  finish[3]!();
  expect((await all.next()).value).toMatchObject({ result: { value: 'done 3' } });
  expect((await all.next()).done).toBe(true);
});

test('of no items there is nothing', async () => {
  expect((await readAhead([], 2, () => Promise.reject(new Error('asked'))).next()).done).toBe(true);
});

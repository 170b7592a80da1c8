import { expect, it } from 'vitest';
import { jointIds, jointNumbers } from './coco-merge.js';

const joint = (files: readonly (readonly (number | string)[])[]) => {
  const idOf = jointIds(files);
  return files.map((ids, part) => ids.map((id) => idOf(part, id)));
};

it('leaves ids that all differ, and counts others anew in the order of the files and of their ids', () => {
  expect(joint([[7, 7]])).toEqual([[7, 7]]);
  for (const ids of [
    [[20, 3], [-4]],
    [['b', 3], ['3']],
  ])
    expect(joint(ids)).toEqual(ids);
  expect(
    joint([
      [20, 3],
      [9, 3, -5],
    ]),
  ).toEqual([
    [2, 1],
    [5, 4, 3],
  ]);
  expect(
    joint([
      ['b', 20, 'a', 3],
      [3, 'b'],
    ]),
  ).toEqual([
    [4, 2, 3, 1],
    [5, 6],
  ]);
});

it('gives each of many numbers a number of its own', () => {
  const files = [1, 2].map((step) => Float64Array.from({ length: 5000 }, (_, i) => (i * 7919 * step) % 10_007));
  const idOf = jointNumbers(files.map((ids) => ids.slice()));
  const given = files.flatMap((ids, part) => [...ids].map((id) => idOf(part, id)));
  expect(given.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1));
});

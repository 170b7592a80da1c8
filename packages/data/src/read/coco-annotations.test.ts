import { expect, it } from 'vitest';
import { CocoAnnotations, groupRows, Numbering, repeatedIds } from './coco-annotations.js';

it('gives annotations back as they were added, however many', () => {
  const rows = new CocoAnnotations();
  const ids = new Numbering();
  const made = Array.from({ length: 40_000 }, (_, i) => ({
    annotation: {
      id: i === 7 ? 2 ** 53 - 1 : -i,
      position: i + 1,
      category: i % 3,
      bbox: [i / 3, 0.1, 5, 1e-9] as const,
      area: i % 2 === 0 ? null : i / 7,
      crowd: i % 5 === 0,
    },
    image: i % 4 === 0 ? `image ${i}` : i,
  }));
  for (const { annotation, image } of made) rows.add(annotation, ids.of(image));
  expect(rows.count).toBe(40_000);
  expect(made.map((_, row) => ({ annotation: rows.at(row), image: ids.ids[rows.imageOf(row)] }))).toEqual(made);
  expect([...rows.ids()]).toEqual(made.map(({ annotation }) => annotation.id));
  expect([rows.idOf(7), rows.categoryOf(7)]).toEqual([2 ** 53 - 1, 1]);
  const settled = { id: 2 ** 53 - 1, box: [0.1, 1 / 3, 5, 1e9] as const, label: 0, area: 1e-300, ignore: false };
  rows.settle(39_999, settled);
  rows.settle(39_998, null);
  expect([39_997, 39_998, 39_999].map((row) => rows.settled(row))).toEqual([
    expect.objectContaining({ id: -39_997, ignore: false }),
    null,
    settled,
  ]);
});

it('numbers ids in the order in which they are first seen', () => {
  const ids = new Numbering();
  expect([7, '7', 'a', 7, -1, 'a'].map((id) => ids.of(id))).toEqual([0, 1, 2, 0, 3, 2]);
  expect(ids.ids).toEqual([7, '7', 'a', -1]);
});

it('finds ids that occur more than once', () => {
  expect(repeatedIds(Float64Array.of(5, 1, 5, 3, 1, 5, 2))).toEqual(new Set([1, 5]));
  expect(repeatedIds(new Float64Array())).toEqual(new Set());
});

it('puts rows of a group together, in their order, and leaves out those of none', () => {
  const { rows, of } = groupRows(Int32Array.of(2, 0, -1, 2, 0, 2), 4);
  expect([...rows]).toEqual([1, 4, 0, 3, 5]);
  expect([0, 1, 2, 3].map((group) => [...of(group)])).toEqual([[1, 4], [], [0, 3, 5], []]);
});

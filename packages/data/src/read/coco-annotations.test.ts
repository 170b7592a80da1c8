import { expect, it } from 'vitest';
import { CocoAnnotations, groupRows, repeatedIds } from './coco-annotations.js';

it('gives annotations back as they were added, however many', () => {
  const rows = new CocoAnnotations();
  const made = Array.from({ length: 1000 }, (_, i) => ({
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
  for (const { annotation, image } of made) rows.add(annotation, image);
  expect(rows.count).toBe(1000);
  expect(made.map((_, row) => ({ annotation: rows.at(row), image: rows.imageOf(row) }))).toEqual(made);
  expect([...rows.ids()]).toEqual(made.map(({ annotation }) => annotation.id));
  expect([rows.idOf(7), rows.categoryOf(7)]).toEqual([2 ** 53 - 1, 1]);
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

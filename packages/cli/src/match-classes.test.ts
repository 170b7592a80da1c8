import type { Dataset } from '@kd/core';
import { expect, test } from 'vitest';
import { byModelClasses } from './match-classes.js';

const box = { id: 1, box: [0, 0, 1, 1] as const, area: 1, ignore: false };
const dataset: Dataset = {
  name: 'set',
  categories: [
    { id: 9, name: 'dog' },
    { id: 2, name: 'cat' },
  ],
  images: [
    {
      id: 'a',
      file: 'a.png',
      width: 2,
      height: 2,
      annotations: [
        { ...box, label: 1 },
        { ...box, label: 0 },
      ],
    },
  ],
  loader: () => {
    throw new Error('not asked for');
  },
};

test('classes match by name, in another order and as a part of the model’s', () => {
  const found = byModelClasses(dataset, ['bird', 'cat', 'dog', 'cow'])!;
  expect(found.categories).toEqual([
    { id: 10, name: 'bird' },
    { id: 2, name: 'cat' },
    { id: 9, name: 'dog' },
    { id: 11, name: 'cow' },
  ]);
  expect(found.images[0]!.annotations).toEqual([
    { ...box, label: 1 },
    { ...box, label: 2 },
  ]);
  expect(found.loader).toBe(dataset.loader);
});

test('a class that the model does not know is no match', () => {
  expect(byModelClasses(dataset, ['cat', 'bird'])).toBeNull();
});

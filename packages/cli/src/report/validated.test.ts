import { dataSource } from '@kd/data';
import type { ClassOutcomes } from '@kd/metrics';
import { expect, test } from 'vitest';
import { boxesOn } from './findings.js';
import { around } from './jpeg.js';
import { atEvenDistances, bestCut } from './validated.js';

const box = [0, 0, 1, 1] as const;
const found = (score: number, hit: boolean, image = 0) => ({ image, box, score, hit });
const object = (score: number | null, image = 0) => ({ image, box, area: 1, score });

const classes: ClassOutcomes[] = [
  { detections: [found(0.75, true), found(0.25, false)], objects: [object(0.75), object(null)] },
  { detections: [found(0.5, true), found(0.5, false, 1)], objects: [object(0.5)] },
];

test('F1 is highest at one score over all classes, those of equal score together', () => {
  // From 0.75 on: 2·1 / (1 + 3) = 0.5; from 0.5 on: 2·2 / (3 + 3) = 0.67; from 0.25 on: 2·2 / (4 + 3) = 0.57.
  expect(bestCut(classes)).toEqual({ score: 0.5, precision: 2 / 3, recall: 2 / 3 });
  expect(bestCut([{ detections: [found(0.9, false)], objects: [] }])).toEqual({ score: 0.3, precision: 0, recall: 0 });
});

test('boxes of one image from a score on, and what they missed', () => {
  const kinds = (from: number): string[] =>
    boxesOn(0, classes, ['cat', 'owl'], from).map(({ kind, text }) => `${kind} ${text}`);
  expect(kinds(0.25)).toEqual(['hit cat 0.75', 'hit owl 0.50', 'false cat 0.25', 'missed cat']);
  expect(kinds(0.6)).toEqual(['hit cat 0.75', 'missed cat', 'missed owl']);
});

test('a crop lies inside of its image, also of a box as large as it', () => {
  const image = { data: new Uint8Array(), width: 100, height: 50 };
  expect(around([90, 40, 100, 50], image)).toEqual([78, 28, 22, 22]);
  expect(around([0, 0, 100, 50], image)).toEqual([0, 0, 100, 50]);
});

test('of many images some are looked at, at even distances, with what belongs to them', async () => {
  const source = dataSource({ format: 'synthetic', images: 10, size: 32, seed: 3 });
  const all = await source.open({ folder: '.' });
  const some = atEvenDistances(all, 4);
  expect(some.images).toEqual([1, 3, 6, 8].map((place) => all.images[place]));
  expect(atEvenDistances(all, 10)).toBe(all);
  const input = { minSize: [32], maxSize: 32, fixedSize: null, mean: [0, 0, 0], std: [1, 1, 1] };
  const rest = { range: 1, channels: 'rgb', resize: 'torchvision', sizeDivisible: 32 };
  const loader = some.loader({
    ...{ batchSize: 3, workers: 0, seed: 0, training: false, shuffle: false, dropLast: false, augment: [] },
    ...{ onBadImage: 'error', input: { ...input, ...rest } },
  } as never);
  const ids: unknown[] = [];
  for await (const { ids: own } of loader.epoch(0)) ids.push(...own);
  await loader.close();
  expect(ids).toEqual(some.images.map(({ id }) => id));
});

import type { GroundTruth, ImageDetections, Metric } from '@kd/core';
import { cocoMetric } from '@kd/metrics';
import { expect, test } from 'vitest';
import { chanceOf, deviation, differences, draws, interval, resampled } from './statistics.js';

test('mean deviations by hand; of one value nothing is known', () => {
  expect(deviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
  expect(deviation([3])).toBeNull();
});

test('the interval cuts two and a half percent at either end', () => {
  const values = Array.from({ length: 1001 }, (_, i) => (i * 617) % 1001);
  expect(interval(values)).toEqual([25, 975]);
});

test('a draw has as many images as there are, is the same each time, and is no other draw', () => {
  const drawn = draws(50, 20);
  expect(drawn.map((times) => times.reduce((sum, often) => sum + often, 0))).toEqual(Array(20).fill(50));
  expect(draws(50, 20)).toEqual(drawn);
  expect(new Set(drawn.map(String)).size).toBe(20);
  // Each image is left out of a draw with a probability of (1 - 1/n)^n, 0.364 for 50.
  const absent = draws(50, 2000).reduce((sum, times) => sum + times.filter((often) => often === 0).length, 0);
  expect(absent / (2000 * 50)).toBeCloseTo(0.364, 2);
});

test('differences are those of the means over runs, draw by draw', () => {
  const own = [Float64Array.of(1, 2), Float64Array.of(3, 6)];
  expect(differences(own, [Float64Array.of(1, 1)])).toEqual(Float64Array.of(1, 3));
});

const images = Array.from({ length: 12 }, (_, i) => ({
  id: 20 - i,
  file: `${i}.png`,
  width: 100,
  height: 100,
  annotations: [{ id: i, box: [10, 10, 50, 50] as const, label: i % 3 === 0 ? 1 : 0, area: 1600, ignore: false }],
}));
const truth: GroundTruth = {
  categories: [
    { id: 1, name: 'cat' },
    { id: 2, name: 'dog' },
  ],
  images,
};
const found = images.map(
  ({ id, annotations: [object] }, i): ImageDetections => ({
    id,
    boxes: Float32Array.of(10, 10, 50, i % 4 === 0 ? 90 : 52),
    scores: Float32Array.of(0.9 - 0.05 * i),
    labels: Int32Array.of(object!.label),
  }),
);

test('a metric that cannot weigh images is asked for each draw, and gives the same figures', () => {
  const coco = cocoMetric();
  const { resampler: _, ...slow } = coco;
  const drawn = draws(images.length, 30);
  const [fast, copied] = [coco, slow as Metric].map((metric) => resampled(metric, truth, found, drawn));
  fast!.primary.forEach((value, k) => expect(value).toBeCloseTo(copied!.primary[k]!, 12));
  fast!.perClass.forEach((values, label) =>
    values.forEach((value, k) => expect(value).toBeCloseTo(copied!.perClass[label]![k]!, 12)),
  );
  expect(new Set(fast!.primary).size).toBeGreaterThan(10);
});

test.each([
  ['zero in the interval', [-0.1, 0.2], [0.5, 0.6, 0.7], [0.4, 0.4, 0.5], 'images'],
  // Deviations 0.1 and 0.1 over three seeds: a standard error of 0.0816.
  ['less than twice the standard error', [0.05, 0.2], [0.5, 0.6, 0.7], [0.34, 0.44, 0.54], 'seeds'],
  ['more than twice the standard error', [0.05, 0.2], [0.5, 0.6, 0.7], [0.33, 0.43, 0.53], 'none'],
  ['a loss likewise', [-0.2, -0.05], [0.33, 0.43, 0.53], [0.5, 0.6, 0.7], 'none'],
  ['one seed', [0.05, 0.2], [0.5], [0.4], 'one seed'],
] as const)('chance: %s', (_, range, own, others, expected) => {
  expect(chanceOf(range, own, others)).toBe(expected);
});

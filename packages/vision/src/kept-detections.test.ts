import { expect, it } from 'vitest';
import { keptDetections } from './kept-detections.js';

const image = { id: 7, imageSize: [20, 40], originalSize: [10, 80], nmsThresh: 0.5, detectionsPerImg: 2 } as const;

it('clips to the resized image, drops what is covered, and scales each axis back', () => {
  const decoded = Float32Array.from([-5, 2, 10, 30, /**/ 0, 2, 10, 19, /**/ 20, 0, 50, 10]);
  const found = { priors: [0, 1, 2], labels: [1, 1, 1], scores: Float32Array.from([0.5, 0.75, 0.25]) };
  const { id, boxes, scores, labels } = keptDetections(decoded, found, image);
  expect(id).toBe(7);
  expect([...boxes]).toEqual([0, 1, 20, 9.5, 40, 0, 80, 5]);
  expect([...scores]).toEqual([0.75, 0.25]);
  expect([...labels]).toEqual([1, 1]);
});

it('keeps boxes of other classes, and no more than the limit', () => {
  const decoded = Float32Array.from([0, 0, 10, 10]);
  const found = { priors: [0, 0, 0], labels: [0, 1, 2], scores: Float32Array.from([0.1, 0.3, 0.2]) };
  expect([...keptDetections(decoded, found, image).labels]).toEqual([1, 2]);
});

it('drops boxes without area where it is told to', () => {
  const decoded = Float32Array.from([50, 2, 60, 9, /**/ 0, 0, 10, 10]);
  const found = { priors: [0, 1], labels: [1, 2], scores: Float32Array.from([0.9, 0.3]) };
  expect([...keptDetections(decoded, found, image).labels]).toEqual([1, 2]);
  const { labels, boxes, scores } = keptDetections(decoded, found, { ...image, dropEmpty: true });
  expect([[...labels], [...boxes], [...scores]]).toEqual([[2], [0, 0, 20, 5], [Math.fround(0.3)]]);
});

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { denseDetections } from './dense-detections.js';

const logit = (p: number): number => Math.log(p / (1 - p));
const map = (...probabilities: number[]): tf.Tensor4D =>
  tf.tensor4d(probabilities.map(logit), [1, 1, 2, probabilities.length / 2]);
// Two levels of two places, two classes.
const cls = [map(0.9, 0.1, 0.3, 0.1), map(0.04, 0.6, 0.1, 0.1)];
const quality = [map(0.25, 0.9), map(0.96, 0.01)];
const boxes = tf.tensor3d([
  [
    [0, 0, 8, 8],
    [20, 0, 28, 8],
    [40, 0, 48, 8],
    [60, 0, 60, 9],
  ],
]);
const sizes = { imageSizes: [[10, 64]], originalSizes: [[10, 64]], ids: [3] } as const;
const options = { classes: 2, scoreThresh: 0.2, nmsThresh: 0.5, detectionsPerImg: 10, topkCandidates: 10 };
const found = async (
  flavour: 'torchvision' | 'mmdet',
  more: Partial<typeof options> = {},
  maps: Partial<{ quality: tf.Tensor4D[] }> = { quality },
) => {
  const [image] = await denseDetections({ cls, boxes, ...maps }, sizes, { ...options, ...more, flavour });
  return Array.from(image!.scores, (score, i) => [image!.boxes[i * 4]!, image!.labels[i]!, Number(score.toFixed(4))]);
};

it('torchvision: scores are geometric means, and what is above the threshold counts', async () => {
  const mean = (p: number, q: number): number => Number(Math.sqrt(p * q).toFixed(4));
  const all = [
    [40, 1, mean(0.6, 0.96)],
    [20, 0, mean(0.3, 0.9)],
    [0, 0, mean(0.9, 0.25)],
    [20, 1, mean(0.1, 0.9)],
  ];
  // 0.1 · 0.9 = 0.3²; the pairs of place 0 and class 1, 0.1 · 0.25, and of level 1, 0.04 · 0.96, are below 0.2².
  expect(await found('torchvision')).toEqual(all);
  expect(await found('torchvision', { topkCandidates: 1 })).toEqual(all.slice(0, 2));
  expect(await found('torchvision', { scoreThresh: 0.5 })).toEqual(all.slice(0, 2));
});

it('mmdet: the threshold and the choice are those of the class, the score is the product', async () => {
  expect(await found('mmdet')).toEqual([
    [40, 1, 0.576],
    [20, 0, 0.27],
    [0, 0, 0.225],
  ]);
  expect(await found('mmdet', { topkCandidates: 1 })).toEqual([
    [40, 1, 0.576],
    [0, 0, 0.225],
  ]);
});

it.each(['torchvision', 'mmdet'] as const)('%s: without quality the score is that of the class', async (flavour) => {
  expect(await found(flavour, {}, {})).toEqual([
    [0, 0, 0.9],
    [40, 1, 0.6],
    [20, 0, 0.3],
  ]);
});

it('mmdet drops boxes without area, torchvision keeps them', async () => {
  const places = async (flavour: 'torchvision' | 'mmdet'): Promise<number[]> =>
    (await found(flavour, { scoreThresh: 0.09 }, {})).map(([x]) => x!);
  expect(await places('torchvision')).toContain(60);
  expect(await places('mmdet')).not.toContain(60);
});

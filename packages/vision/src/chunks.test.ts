import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { chunksOf } from './chunks.js';
import { sigmoidFocalLossSum } from './losses/focal-sum.js';

beforeAll(() => tf.setBackend('cpu'));

/** What TensorFlow's back end says of itself. */
const backend = (): { isUsingGpuDevice?: boolean } => tf.backend() as never;
afterEach(() => void delete backend().isUsingGpuDevice);
const onCard = (): void => void (backend().isUsingGpuDevice = true);

test('covers all rows, a cache at a time', () => {
  const chunks = chunksOf(120_000, 91);
  expect(chunks.length).toBeGreaterThan(80);
  expect(chunks[0]!.from).toBe(0);
  chunks.slice(1).forEach(({ from }, i) => expect(from).toBe(chunks[i]!.from + chunks[i]!.count));
  expect(chunks.at(-1)!.from + chunks.at(-1)!.count).toBe(120_000);
});

test('on a graphics card, few: each op of one is a launch', () => {
  onCard();
  expect(chunksOf(120_000, 91)).toEqual([{ from: 0, count: 120_000 }]);
  // 8 images of 800 x 800 pixels, 9 anchors and 91 classes.
  expect(chunksOf(8 * 120_087, 91).length).toBeLessThan(10);
});

test('a loss is the same however it is cut', () => {
  const logits = tf.randomNormal<tf.Rank.R3>([2, 2000, 91], -2, 1, 'float32', 1);
  const labels = tf.tensor2d(
    Array.from({ length: 4000 }, (_, i) => ((i * 7) % 93) - 2),
    [2, 2000],
    'int32',
  );
  expect(chunksOf(4000, 91).length).toBe(3);
  const focal = tf.valueAndGrad((x) => tf.sum(sigmoidFocalLossSum(x as tf.Tensor3D, labels)));
  const [inChunks, slopes] = read(focal(logits));
  onCard();
  expect(chunksOf(4000, 91).length).toBe(1);
  const [whole, same] = read(focal(logits));
  expect(Math.abs(whole - inChunks)).toBeLessThan(1e-5 * inChunks);
  expect(same).toEqual(slopes);
});

const read = ({ value, grad }: { value: tf.Tensor; grad: tf.Tensor }): [number, number[]] => [
  value.dataSync()[0]!,
  Array.from(grad.dataSync()),
];

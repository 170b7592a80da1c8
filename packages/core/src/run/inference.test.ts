import { setImmediate } from 'node:timers/promises';
import { cpuEngine } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import type { Detector } from '../contract/detector.js';
import type { Engine } from '../contract/engine.js';
import { KdError } from '../errors.js';
import { sizesOnDevice } from '../step/sizes-on-device.js';
import { detectInParts } from './detect-in-parts.js';
import { createInference, type InferenceBatch } from './inference.js';

beforeAll(() => cpuEngine().start());

/** Scores are sums of pixels times the height of the image. */
const summing = {
  forward: (images: tf.Tensor4D) => ({ levels: [images], predictions: {}, taps: {}, updates: [] }),
  ...detectInParts({
    compute: ({ levels }, { imageSizes }) => ({
      sums: tf.mul(
        tf.sum(levels[0]!, [1, 2, 3]),
        tf.reshape(tf.slice(sizesOnDevice(imageSizes), [0, 0], [-1, 1]), [-1]),
      ),
    }),
    select: async ({ sums }, { ids }) => {
      const scores = (await sums.data()) as Float32Array;
      return ids.map((id, i) => ({
        id,
        scores: scores.slice(i, i + 1),
        boxes: new Float32Array(4),
        labels: new Int32Array(1),
      }));
    },
  }),
} as Partial<Detector> as Detector;

const batch = (width: number, b = 1): InferenceBatch => ({
  images: new Float32Array(b * 2 * width * 3).fill(1),
  shape: [b, 2, width, 3],
  imageSizes: Array.from({ length: b }, () => [2, width] as const),
  originalSizes: Array.from({ length: b }, () => [2, width] as const),
  ids: Array.from({ length: b }, (_, i) => i),
});

/** An engine that notes what runs as a graph. */
function noting(refuses = false) {
  const ran: string[] = [];
  const compile = ((fn: (args: { images: tf.Tensor4D }, input: never) => tf.TensorContainer) =>
    Object.assign(
      (args: { images: tf.Tensor4D }) => {
        if (refuses) throw new KdError('COMPILE_REFUSED', 'the forward pass cannot be compiled: a value is read.');
        ran.push(args.images.shape.join('x'));
        return tf.tidy(() => fn(args, undefined as never));
      },
      { clear: () => {} },
    )) as unknown as NonNullable<Engine['compile']>;
  return { ran, compile };
}

it('compiles sizes that come often, eight at most, and counts anew after a restart', async () => {
  const { ran, compile } = noting();
  const inference = createInference(summing, { compile });
  const before = tf.memory().numTensors;
  const scores = async (width: number, b?: number) =>
    (await inference.detect(batch(width, b))).map(({ scores: [score] }) => score);
  for (let i = 0; i < 4; i++) expect(await scores(3, 2)).toEqual([36, 36]);
  expect(await scores(3)).toEqual([36]);
  expect(ran).toEqual(['2x2x3x3', '2x2x3x3']);
  for (let width = 4; width < 13; width++) for (let i = 0; i < 3; i++) await scores(width);
  expect(ran.slice(2)).toEqual([4, 5, 6, 7, 8, 9, 10].map((width) => `1x2x${width}x3`));
  inference.restart();
  for (let i = 0; i < 3; i++) expect(await scores(12)).toEqual([144]);
  expect(ran.slice(9)).toEqual(['1x2x12x3']);
  expect(tf.memory().numTensors).toBe(before);
});

it('runs op by op what cannot be traced, and says so once', async () => {
  const said: string[] = [];
  const logger = { info: () => {}, warn: (text: string) => void said.push(text) };
  const inference = createInference(summing, { compile: noting(true).compile, logger });
  for (let i = 0; i < 5; i++) expect((await inference.detect(batch(5)))[0]!.scores[0]).toBe(60);
  expect(said).toEqual(['the forward pass cannot be compiled: a value is read. It runs op by op.']);
});

it('lets a network run on while objects are selected, where the engine computes on another thread', async () => {
  const { ran, compile } = noting();
  const order: string[] = [];
  /** Done when the one before is, a turn later. */
  let last: Promise<unknown> = Promise.resolve();
  const later = (fn: ReturnType<typeof compile>) => (args: never) => {
    last = last.then(() => setImmediate()).then(() => void order.push('computed'));
    const tensors = fn(args, undefined as never);
    return last.then(() => tensors);
  };
  const elsewhere = ((...given: Parameters<typeof compile>) => {
    const fn = compile(...given);
    return Object.assign(fn, { later: later(fn) });
  }) as typeof compile;
  const selecting: Detector = {
    ...summing,
    detection: {
      ...summing.detection!,
      select: async (tensors, sizes) => {
        const found = await summing.detection!.select(tensors, sizes);
        order.push(`selected ${String(sizes.ids[0])}`);
        return found;
      },
    },
  };
  const inference = createInference(selecting, { compile: elsewhere });
  for (let i = 0; i < 2; i++) await inference.detect(batch(3));
  order.length = 0;
  const before = tf.memory().numTensors;
  const found = await Promise.all([7, 8].map((id) => inference.detect({ ...batch(3), ids: [id] })));
  expect(found.map(([one]) => [one!.id, one!.scores[0]])).toEqual([
    [7, 36],
    [8, 36],
  ]);
  expect(order).toEqual(['computed', 'selected 7', 'computed', 'selected 8']);
  expect(ran).toHaveLength(2);
  expect(tf.memory().numTensors).toBe(before);
});

import { cpuEngine } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import type { Detector, Predictions } from '../contract/detector.js';
import type { Engine } from '../contract/engine.js';
import { KdError } from '../errors.js';
import { disposeAll } from '../tidy.js';
import { createPassForward } from './pass-forward.js';

beforeAll(() => cpuEngine().start());

let heads = 0;
const detector = {
  name: 'doubling',
  detection: {},
  forward: (images: tf.Tensor4D, { taps = [], lazy = false }) => {
    const levels = [tf.mul(images, 2)];
    const head = (): Predictions => ({ cls: levels.map((level) => (heads++, tf.mul(level, 5) as tf.Tensor4D)) });
    const predictions = lazy ? undefined : head();
    return {
      levels,
      taps: Object.fromEntries(taps.map((tap) => [tap, tf.add(levels[0]!, 1)])),
      updates: [],
      get predictions() {
        return predictions ?? head();
      },
    };
  },
} as unknown as Detector;

const logger = { info: () => {}, warn: () => {} };

it('runs no head until predictions are read, and batches that come often as a graph', () => {
  const ran: string[] = [];
  const compile = ((fn: (args: object) => tf.TensorContainer) =>
    Object.assign(
      (args: { readonly images: tf.Tensor }) => {
        ran.push(args.images.shape.join('x'));
        return tf.tidy(() => fn(args));
      },
      { clear: () => {} },
    )) as unknown as NonNullable<Engine['compile']>;
  const forward = createPassForward(detector, { compile, logger });
  const before = tf.memory().numTensors;
  for (const again of [true, false]) {
    heads = 0;
    const images = tf.fill([1, 1, 1, 3], 7) as tf.Tensor4D;
    const kept: Predictions[] = [];
    const output = forward.run(images, ['neck'], again, (one) => kept.push(one));
    expect(output.taps['neck']!.dataSync()[0]).toBe(15);
    disposeAll({ ...output }); // asks for nothing
    expect(heads).toBe(0);
    expect(output.predictions['cls']![0]!.dataSync()[0]).toBe(70);
    expect(output.predictions).toBe(kept[0]);
    expect([heads, kept.length]).toEqual([1, 1]);
    disposeAll([images, kept]);
  }
  expect(ran).toEqual(['1x1x1x3']);
  expect(tf.memory().numTensors).toBe(before);
});

it('runs op by op what cannot be traced, and says so once', () => {
  const said: string[] = [];
  const compile = (() =>
    Object.assign(
      () => {
        throw new KdError('COMPILE_REFUSED', 'it cannot be compiled.');
      },
      { clear: () => {} },
    )) as unknown as NonNullable<Engine['compile']>;
  const forward = createPassForward(detector, { compile, logger: { ...logger, warn: (text) => said.push(text) } });
  const images = tf.ones([1, 1, 1, 3]) as tf.Tensor4D;
  for (let i = 0; i < 2; i++) {
    const output = forward.run(images, [], true, () => {});
    expect(output.levels[0]!.dataSync()[0]).toBe(2);
    disposeAll(output.levels);
  }
  images.dispose();
  expect(said).toEqual(['it cannot be compiled. It runs op by op.']);
});

import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import {
  createStepRng,
  type Detector,
  type Hooks,
  parseOptions,
  type PluginDefinition,
  type PluginScope,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Generator, mgd, type MgdInput, mgdLoss, randomMask } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

/** Takes every cell as it is where it is positive, and doubles it. */
const generator = (): Generator => {
  const middle = (value: number): tf.Tensor4D => tf.tensor4d([0, 0, 0, 0, value, 0, 0, 0, 0], [3, 3, 1, 1]);
  return { first: { kernel: middle(1), relu: true }, second: { kernel: middle(2) } };
};
const map = (...values: number[]): tf.Tensor4D => tf.tensor4d(values, [1, 1, values.length, 1]);

describe('mgdLoss', () => {
  it('is the squared error of what is made from the cells that stay', () => {
    const level = { student: map(1, 2, -3), teacher: map(1, 1, 1), keep: map(1, 0, 1), generator: generator() };
    // Made is 2, 0 and 0.
    expect(mgdLoss([level]).dataSync()[0]).toBe(1 + 1 + 1);
    expect(mgdLoss([level, { ...level, keep: map(1, 1, 1) }]).dataSync()[0]).toBe(3 + 1 + 9 + 1);
    expect(mgdLoss([]).dataSync()[0]).toBe(0);
  });

  it('is a mean over the images', () => {
    const twice = (one: tf.Tensor4D): tf.Tensor4D => tf.concat([one, one]);
    const level = { student: map(1), teacher: map(1), keep: map(1), generator: generator() };
    const two = { ...level, student: twice(level.student), teacher: twice(level.teacher), keep: twice(level.keep) };
    expect(mgdLoss([two]).dataSync()[0]).toBe(mgdLoss([level]).dataSync()[0]);
  });

  it('gives the student no gradient in cells that are left out', () => {
    const slope = tf.grad((x) =>
      mgdLoss([{ student: x as tf.Tensor4D, teacher: map(1, 1), keep: map(0, 1), generator: generator() }]),
    )(map(1, 1));
    expect([...slope.dataSync()]).toEqual([0, 4]);
  });
});

describe('randomMask', () => {
  const mask = (ratio: number, ...names: (string | number)[]) => [
    ...randomMask([2, 30, 40], ratio, createStepRng(0).stream(...names)).dataSync(),
  ];

  it('keeps a share of the cells, all or none at the ends', () => {
    const kept = mask(0.65, 'a').filter((value) => value === 1).length / 2400;
    expect(Math.abs(kept - 0.35)).toBeLessThan(0.04);
    expect(new Set(mask(0, 'a'))).toEqual(new Set([1]));
    expect(new Set(mask(1, 'a'))).toEqual(new Set([0]));
  });

  it('follows from the stream alone', () => {
    expect(mask(0.5, 'a')).toEqual(mask(0.5, 'a'));
    expect(mask(0.5, 'a')).not.toEqual(mask(0.5, 'b'));
  });
});

describe('mgd', () => {
  const settled = (options: MgdInput, capability: string): Hooks['settled'] => {
    const definition = mgd.definition as unknown as PluginDefinition;
    const model = { capabilities: new Set([capability]), taps: [] } as unknown as Detector;
    const scope = { id: 'mgd', student: model, teacher: model } as unknown as PluginScope;
    return definition.create(scope, parseOptions(definition.options, options, 'mgd')).settled;
  };

  it('weighs and masks as published for the kind of detector', () => {
    expect(settled({}, 'dense')).toEqual({ weight: 2e-5, ratio: 0.65 });
    expect(settled({}, 'roi.align')).toEqual({ weight: 5e-7, ratio: 0.45 });
    expect(settled({ weight: 1, ratio: 0.1 }, 'dense')).toEqual({ weight: 1, ratio: 0.1 });
  });
});

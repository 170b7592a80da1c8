import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine } from '@kd/testing';
import { beforeAll, expect, it } from 'vitest';
import { disposeBuilt, distillation, gradientsOf, step, toyBatch } from '../../test/distillation.js';
import { mimic } from '../../test/mimic.js';
import { LossScale } from './loss-scale.js';

beforeAll(() => cpuEngine().start());

/** Ends a step of batches whose gradients are finite, or not. */
const ended = (scale: LossScale, ...batches: boolean[]): Promise<boolean> => {
  for (const finite of batches) scale.add(tf.scalar(finite, 'bool'));
  return scale.settle(7);
};

it('is halved by a step that is not finite in one of its batches, which is left out', async () => {
  const scale = new LossScale();
  expect(scale.value).toBe(65536);
  expect(await ended(scale, true, true)).toBe(true);
  expect(scale.state).toEqual({ value: 65536, good: 1 });
  expect(await ended(scale, true, false)).toBe(false);
  expect(scale.state).toEqual({ value: 32768, good: 0 });
  expect(await ended(scale, true)).toBe(true);
});

it('is doubled after 2000 steps in a row, from where a checkpoint has it', async () => {
  const scale = new LossScale();
  scale.restore({ value: 1024, good: 1998 });
  await ended(scale, true);
  expect(scale.state).toEqual({ value: 1024, good: 1999 });
  await ended(scale, true);
  expect(scale.state).toEqual({ value: 2048, good: 0 });
});

it('ends a run whose gradients no scale makes finite', async () => {
  const scale = new LossScale();
  scale.restore({ value: 2, good: 0 });
  expect(await ended(scale, false)).toBe(false);
  await expect(ended(scale, false)).rejects.toMatchObject({
    code: 'NON_FINITE',
    message: expect.stringContaining('step 7'),
  });
});

it('is taken off the gradients, which say whether they are finite', async () => {
  const { models } = await distillation([mimic({ growth: 0 })]);
  const batch = await toyBatch();
  const plain = gradientsOf(step(models, batch));
  for (const [value, told] of [
    [1024, 1],
    [Infinity, 0],
  ] as const) {
    const { finite, ...result } = step({ ...models, lossScale: { value } }, batch);
    expect([...finite!.dataSync()]).toEqual([told]);
    finite!.dispose();
    const gradients = gradientsOf(result);
    expect(Object.keys(gradients)).toEqual(Object.keys(plain));
    if (told === 1)
      // A power of two changes no digit.
      for (const [path, numbers] of Object.entries(plain)) expect(gradients[path], path).toEqual(numbers);
  }
  disposeBuilt();
});

it('keeps no tensor', async () => {
  const before = tf.memory().numTensors;
  const scale = new LossScale();
  await ended(scale, true, false);
  scale.add(tf.scalar(true, 'bool'));
  scale.drop();
  expect(tf.memory().numTensors).toBe(before);
});

import { cpuEngine } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { disposeBuilt, disposeResult, distillation, step, toyBatch } from '../../test/distillation.js';
import { expectNoLeaks } from '../../test/live-tensors.js';
import type { HostBatch } from '../contract/data.js';
import type { VariableUpdate } from '../contract/detector.js';
import type { StepModels } from './step-models.js';

let batch: HostBatch;
beforeAll(async () => {
  await cpuEngine().start();
  batch = await toyBatch();
  disposeBuilt();
});
expectNoLeaks(disposeBuilt);

const statistics: [string, (updates: readonly VariableUpdate[]) => readonly VariableUpdate[], RegExp][] = [
  ['freed by a tidy', (updates) => (tf.dispose(updates.map(({ value }) => value)), updates), /was freed before/],
  ['variables', (updates) => updates.map(({ variable }) => ({ variable, value: variable })), /is a variable itself/],
  [
    'of another shape',
    (updates) => updates.map((one) => ({ ...one, value: tf.zeros([5]) })),
    /is float32 \[5\], and the variable float32 \[\d\]\./,
  ],
  [
    'of another type',
    (updates) => updates.map((one) => ({ ...one, value: tf.cast(one.value, 'int32') })),
    /is int32 \[(\d)\], and the variable float32 \[\1\]\./,
  ],
];
/** A distillation of a student whose new running statistics are others. */
async function withUpdates(change: (updates: readonly VariableUpdate[]) => readonly VariableUpdate[]) {
  const { models, student: of } = await distillation([]);
  const forward: typeof of.forward = (images, options) => {
    const output = of.forward(images, options);
    return { ...output, updates: change(output.updates) };
  };
  const changed: StepModels = { ...models, student: { ...of, forward } };
  return { models: changed, of };
}

it.each(statistics)('names a detector whose new running statistics are %s', async (_, change, message) => {
  const { models, of } = await withUpdates(change);
  const before = tf.memory().numTensors;
  expect(() => step(models, batch)).toThrow(
    expect.objectContaining({ code: 'PLUGIN_HOOK', message: expect.stringMatching(message) }),
  );
  expect(() => step(models, batch)).toThrow(/^detector toy: the new value of .*moving_mean.* in `updates` /);
  expect(tf.memory().numTensors).toBe(before);
  expect(of.variables.some(({ variable }) => variable.isDisposed)).toBe(false);
});

it('takes the last of several new values of a variable, the same one as well', async () => {
  const { models } = await withUpdates(([first]) => [
    first!,
    { ...first!, value: tf.onesLike(first!.value) },
    ...Array.from({ length: 2 }, () => ({ ...first!, value: first!.value })),
    { ...first!, value: tf.fill(first!.value.shape, 7) },
  ]);
  const result = step(models, batch);
  expect(result.updates.map(({ value }) => new Set(value.dataSync()))).toEqual([new Set([7])]);
  disposeResult(result);
});

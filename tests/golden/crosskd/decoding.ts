import type { Detector, Priors } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { expectClose, type GoldenTensors } from '../support/index.js';
import type { UnitCase } from './index-file.js';
import { golden } from './tensors.js';

/** Decoded boxes and the gradient of the codes, `delta` of anchors or `dist` of points. */
export async function checkDecoding(
  { inputs, expected }: UnitCase,
  detector: Detector,
  tensors: GoldenTensors,
): Promise<void> {
  const input = (name: string): tf.Tensor => golden(tensors, inputs[name]);
  const of = 'dist' in inputs ? 'dist' : 'delta';
  const priors = of === 'dist' ? around(input('points')) : priorsOf(input('anchors'), 1);
  const decode = (codes: tf.Tensor): tf.Tensor => detector.decode(codes as tf.Tensor3D, priors);
  const codes = tf.expandDims(input(of), 0);
  const got: Readonly<Record<string, tf.Tensor>> = {
    output: decode(codes),
    [`grad_${of}`]: tf.grad(decode)(codes, tf.expandDims(input('upstream'), 0)),
  };
  expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
  for (const [key, { tensor, atol }] of Object.entries(expected))
    expectClose(await got[key]!.data(), tensors.get(tensor).values, atol, key);
}

/** Any box around a point stands for it. */
const around = (points: tf.Tensor): Priors => priorsOf(tf.concat([tf.sub(points, 3), tf.add(points, 3)], 1), 6);

const priorsOf = (boxes: tf.Tensor, stride: number): Priors => ({
  boxes: boxes as tf.Tensor2D,
  perLevel: [boxes.shape[0]!],
  strides: [[stride, stride]],
});

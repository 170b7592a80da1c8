import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { plainAfter } from '../../../../tests/plain-after.js';
import { wasm } from '../engine.js';

plainAfter();

beforeAll(async () => void (await wasm({ threads: 1 }).start()));

const scalar = (a: tf.Tensor, b: tf.Tensor): number => tf.tidy(() => tf.sum(tf.mul(a, b)).dataSync()[0]!);

// TensorFlow.js refuses gradients of dilated convolutions in its tape, so the kernels are called: for a map that is
// linear in x and in the filter, <conv(x, f), dy> is <x, dx> and <f, df>.
it.each([
  [1, 2, 'same'],
  [1, 3, 'valid'],
  [2, 1, 'valid'],
  [3, 1, 2],
  [2, 1, 'same'],
] as const)('are the adjoints of the convolution: stride %i, dilation %i, padding %s', (strides, dilations, pad) => {
  tf.tidy(() => {
    const x = tf.randomNormal([2, 9, 8, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
    for (const depthwise of [false, true]) {
      const filter = tf.randomNormal(depthwise ? [3, 2, 3, 2] : [3, 2, 3, 5], 0, 1, 'float32', 2) as tf.Tensor4D;
      const attrs = { strides, dilations, pad, dataFormat: 'NHWC' };
      const kernel = depthwise ? 'DepthwiseConv2dNative' : 'Conv2D';
      const run = (name: string, inputs: tf.NamedTensorMap, more: object): tf.Tensor =>
        tf.engine().runKernel(name, inputs, { ...attrs, ...more } as unknown as tf.NamedAttrMap);
      const y = run(kernel, { x, filter }, {});
      const dy = tf.randomNormal(y.shape, 0, 1, 'float32', 3);
      const dx = run(`${kernel}BackpropInput`, { dy, filter }, { inputShape: x.shape });
      const df = run(`${kernel}BackpropFilter`, { x, dy }, { filterShape: filter.shape });
      const wanted = scalar(y, dy);
      expect([dx.shape, df.shape]).toEqual([x.shape, filter.shape]);
      expect(Math.abs(scalar(x, dx) - wanted)).toBeLessThan(1e-4 * (1 + Math.abs(wanted)));
      expect(Math.abs(scalar(filter, df) - wanted)).toBeLessThan(1e-4 * (1 + Math.abs(wanted)));
    }
  });
});

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { input } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileGraph } from '../graph.js';
import { initialiseLayers } from '../initializers.js';
import { networkBuilder } from '../network-builder.js';
import { buildResnet } from '../resnet.js';
import { GroupedConv, groupedConv2d } from './grouped-conv.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** The dense kernel [kh, kw, in, out] that is 0 between the groups. */
function blockDiagonal(kernel: tf.Tensor4D, groups: number): tf.Tensor4D {
  const [, , own, out] = kernel.shape;
  const rows = tf.split(kernel, groups, 3).map((block, i) =>
    tf.pad(block, [
      [0, 0],
      [0, 0],
      [0, 0],
      [(i * out) / groups, out - ((i + 1) * out) / groups],
    ]),
  );
  expect(rows[0]!.shape[2]).toBe(own);
  return tf.concat(rows, 2) as tf.Tensor4D;
}

describe('groupedConv2d', () => {
  it.each([
    [1, 'same'],
    [2, 'valid'],
  ] as const)(
    'is the convolution with a block-diagonal kernel, and so are its gradients (stride %s, %s)',
    (stride, padding) => {
      const x = tf.randomNormal<tf.Rank.R4>([2, 7, 6, 6], 0, 1, 'float32', 1);
      const kernel = tf.randomNormal<tf.Rank.R4>([3, 3, 2, 9], 0, 1, 'float32', 2);
      const dense = (k: tf.Tensor): tf.Tensor => tf.conv2d(x, blockDiagonal(k as tf.Tensor4D, 3), stride, padding);
      const y = groupedConv2d(x, kernel, { stride, padding });
      expect(y.shape).toEqual(dense(kernel).shape);
      const seed = tf.randomNormal(y.shape, 0, 1, 'float32', 3);
      const [dx, dk] = tf.grads((a: tf.Tensor, k: tf.Tensor) =>
        tf.sum(tf.mul(groupedConv2d(a as tf.Tensor4D, k as tf.Tensor4D, { stride, padding }), seed)),
      )([x, kernel]) as [tf.Tensor, tf.Tensor];
      const wantedX = tf.grad((a) =>
        tf.sum(tf.mul(tf.conv2d(a as tf.Tensor4D, blockDiagonal(kernel, 3), stride, padding), seed)),
      )(x);
      const wantedKernel = tf.grad((k) => tf.sum(tf.mul(dense(k), seed)))(kernel);
      for (const [got, wanted] of [
        [y, dense(kernel)],
        [dx, wantedX],
        [dk, wantedKernel],
      ] as const) {
        expect(tf.max(tf.abs(tf.sub(got, wanted))).dataSync()[0]).toBeLessThan(1e-4);
      }
    },
  );
});

describe('GroupedConv', () => {
  it('refuses groups that do not divide the channels', () => {
    const layer = new GroupedConv({ name: 'conv2', filters: 6, kernel: 3, stride: 1, padding: 'same', groups: 4 });
    expect(() => layer.apply(input({ shape: [null, null, 8] }))).toThrow(
      /conv2: 8 channels in and 6 out cannot be cut into 4 groups/,
    );
  });

  it('is what the bottlenecks of a ResNeXt have, under the same names and with the same strides', () => {
    const builder = networkBuilder();
    const images = input({ shape: [null, null, 3] });
    const stages = buildResnet(builder, images, {
      block: 'bottleneck',
      layers: [1, 1],
      width: 16,
      groups: 4,
      widthPerGroup: 8,
      norm: { kind: 'frozen' },
      path: 'body',
    });
    initialiseLayers(builder.layers, 1, () => ({ kernel: { kind: 'kaiming-normal-fan-out' } }));
    const kernels = Object.fromEntries(
      builder.layers.filter(({ name }) => /conv\d$/.test(name)).map((layer) => [layer.name, layer.weights[0]!.shape]),
    );
    // 16 planes · 8 / 64 = 2 channels in each of the 4 groups; twice as many in the second stage.
    expect(kernels).toEqual({
      'body.conv1': [7, 7, 3, 16],
      'body.layer1.0.conv1': [1, 1, 16, 8],
      'body.layer1.0.conv2': [3, 3, 2, 8],
      'body.layer1.0.conv3': [1, 1, 8, 64],
      'body.layer2.0.conv1': [1, 1, 64, 16],
      'body.layer2.0.conv2': [3, 3, 4, 16],
      'body.layer2.0.conv3': [1, 1, 16, 128],
    });
    const graph = compileGraph(
      [images],
      stages.map(({ output }) => output),
    );
    const outputs = graph.run([tf.ones([1, 32, 48, 3])], { training: true, updates: [] });
    expect(outputs.map(({ shape }) => shape)).toEqual([
      [1, 8, 12, 64],
      [1, 4, 6, 128],
    ]);
  });

  it('does not exist in basic blocks', () => {
    const images = input({ shape: [null, null, 3] });
    expect(() =>
      buildResnet(networkBuilder(), images, {
        block: 'basic',
        layers: [1],
        width: 8,
        groups: 2,
        norm: { kind: 'frozen' },
        path: 'body',
      }),
    ).toThrow(/take bottlenecks/);
  });
});

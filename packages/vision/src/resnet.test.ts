import '@tensorflow/tfjs-backend-cpu';
import { input } from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { networkBuilder } from './network-builder.js';
import { buildResnet, type ResnetShape } from './resnet.js';

const shape: ResnetShape = { block: 'bottleneck', layers: [1, 2], width: 4 };
/** Stride of every convolution by its name. */
function strides(more: Partial<ResnetShape>): Record<string, number> {
  const builder = networkBuilder();
  const options = { ...shape, ...more, norm: { kind: 'frozen' }, trainableLayers: 5, path: 'body' } as const;
  buildResnet(builder, input({ shape: [null, null, 3] }), options);
  return Object.fromEntries(
    builder.layers.flatMap((layer) => {
      const { strides: both } = layer.getConfig() as { strides?: readonly number[] };
      return /\.conv\d$|downsample\.0$/.test(layer.name) ? [[layer.name.replace('body.', ''), both![0]!]] : [];
    }),
  );
}

it('has the stride of a stage in the 3x3 of its first bottleneck, or, caffe, in the 1x1', () => {
  const of = (style: ResnetShape['style']) => {
    const found = strides({ style });
    return ['layer1.0.conv1', 'layer2.0.conv1', 'layer2.0.conv2', 'layer2.0.downsample.0', 'layer2.1.conv1'].map(
      (name) => found[name],
    );
  };
  expect(of(undefined)).toEqual([1, 1, 2, 2, 1]);
  expect(of('pytorch')).toEqual([1, 1, 2, 2, 1]);
  expect(of('caffe')).toEqual([1, 2, 1, 2, 1]);
  expect(() => strides({ block: 'basic', style: 'caffe' })).toThrow(/style "caffe"; take bottlenecks/);
});

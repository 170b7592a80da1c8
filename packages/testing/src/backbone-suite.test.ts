import { type BackboneDefinition, defineBackbone } from '@kd/core';
import { cpu } from '@kd/engine-cpu';
import { buildBackbone, resnet } from '@kd/vision';
import { initializers, input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { testBackbone } from './backbone-suite.js';

testBackbone(resnet, { options: { block: 'basic', layers: [1, 1, 1, 1], width: 2 } });

/** A model of TensorFlow.js' own layers, its head too: what somebody brings along. */
const classifier = defineBackbone<{ readonly norm: boolean; readonly named: boolean }>({
  name: 'classifier',
  apiVersion: 1,
  options: v.strictObject({ norm: v.optional(v.boolean(), false), named: v.optional(v.boolean(), true) }),
  trainableLayers: 2,
  create: ({ norm, named }, { path, seed }) => {
    const name = (part: string) => (named ? { name: `${path}.${part}` } : {});
    const kernelInitializer = initializers.heNormal({ seed });
    const conv = (part: string, filters: number, strides: number, x: SymbolicTensor) =>
      layers
        .conv2d({
          ...name(part),
          filters,
          kernelSize: strides,
          strides,
          padding: 'same',
          activation: 'relu',
          kernelInitializer,
        })
        .apply(x) as SymbolicTensor;
    const images = input({ shape: [null, null, 3] });
    const fine = conv('stem', 3, 8, images);
    const normed = norm ? (layers.batchNormalization(name('bn')).apply(fine) as SymbolicTensor) : fine;
    const coarse = conv('last', 5, 2, normed);
    const pooled = layers.globalAveragePooling2d({}).apply(coarse) as SymbolicTensor;
    const scores = layers.dense({ ...name('fc'), units: 10, kernelInitializer }).apply(pooled) as SymbolicTensor;
    const whole = model({ inputs: images, outputs: scores });
    return {
      images: whole.inputs[0]!,
      stages: [
        { name: `${path}.stem`, output: fine, stride: 8, channels: 3 },
        { name: `${path}.last`, output: coarse, stride: 16, channels: 5 },
      ],
      layers: whole.layers,
      parts: [['last', 'fc'], ['stem']],
    };
  },
});

testBackbone(classifier, { norms: ['frozen'] });

describe('a model of its own under a detector', () => {
  beforeAll(() => cpu().start());
  const build = (options: object, strides: readonly number[]) =>
    buildBackbone(
      { definition: classifier.definition as BackboneDefinition, options: { norm: false, named: true, ...options } },
      { path: 'backbone.body', seed: 1, norm: { kind: 'frozen', epsilon: 1e-5 }, trainableLayers: 1, strides },
    );

  it('loses its head', () => {
    expect(build({}, [8, 16]).layers.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^input/),
      'backbone.body.stem',
      'backbone.body.last',
    ]);
  });

  it.each([
    [
      {},
      [8, 16, 32],
      'CONFIG_INVALID',
      /^the backbone classifier has no stage of stride 32 \(returnedLayers 4\); its stages have the strides 8, 16\./,
    ],
    [
      { norm: true },
      [8, 16],
      'PLUGIN_INVALID',
      /^the layer backbone\.body\.bn is a BatchNormalization of TensorFlow\.js/,
    ],
    [
      { named: false },
      [8, 16],
      'PLUGIN_INVALID',
      /^the backbone classifier has layers with weights whose names do not begin with "backbone\.body\."/,
    ],
  ])('with %j and strides %j is refused: %s', (options, strides, code, message) => {
    expect(() => build(options, strides)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error,
    );
  });
});

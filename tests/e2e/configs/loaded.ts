// On the page docs/writing-a-backbone.md from here on, whole.
import { API_VERSION, defineBackbone } from '@kd/core';
import { initializers, input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import * as v from 'valibot';

/** A classifier of TensorFlow.js' own layers as it might be lying around. */
function classifier(path: string, seed: number) {
  const conv = (name: string, filters: number, strides: number, x: SymbolicTensor) =>
    layers
      .conv2d({
        name: `${path}.${name}`,
        filters,
        kernelSize: 3,
        strides,
        padding: 'same',
        activation: 'relu',
        kernelInitializer: initializers.heNormal({ seed }),
      })
      .apply(x) as SymbolicTensor;
  const images = input({ shape: [null, null, 3] });
  const c3 = conv('c3', 8, 2, conv('c2', 8, 2, conv('c1', 4, 2, images)));
  const c4 = conv('c4', 16, 2, c3);
  const pooled = layers.globalAveragePooling2d({}).apply(c4) as SymbolicTensor;
  const kernelInitializer = initializers.heNormal({ seed });
  const scores = layers.dense({ name: `${path}.fc`, units: 10, kernelInitializer }).apply(pooled) as SymbolicTensor;
  return model({ inputs: images, outputs: scores });
}

export const loaded = defineBackbone({
  name: 'loaded',
  apiVersion: API_VERSION,
  options: v.strictObject({}),
  trainableLayers: 2,
  create: (_, { path, seed }) => {
    const whole = classifier(path, seed);
    const stage = (name: string, stride: number, channels: number) => ({
      name: `${path}.${name}`,
      output: whole.getLayer(`${path}.${name}`).output as SymbolicTensor,
      stride,
      channels,
    });
    return {
      images: whole.inputs[0]!,
      stages: [stage('c3', 8, 8), stage('c4', 16, 16)],
      layers: whole.layers, // the pooling and the `fc` that no stage needs are dropped
      parts: [
        ['c4', 'fc'],
        ['c3', 'c2', 'c1'],
      ],
    };
  },
});

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { initializers, layers, sequential } from '@tensorflow/tfjs-layers';

const text = (value: string) => ({ s: Buffer.from(value).toString('base64') });
const list = (...values: number[]) => ({ list: { i: values.map(String) } });
const FLOAT = { type: 'DT_FLOAT' };

/** A node of a graph, as `tensorflowjs_converter` writes it. */
const node = (name: string, op: string, input: readonly string[], attr: object = {}) => ({
  name,
  op,
  input,
  attr: { T: FLOAT, ...attr },
});

const conv = (name: string, from: string, kernel: string, stride: number) =>
  node(name, 'Conv2D', [from, kernel], {
    strides: list(1, stride, stride, 1),
    dilations: list(1, 1, 1, 1),
    padding: text('SAME'),
    data_format: text('NHWC'),
  });

export interface GraphOptions {
  /** Images that it is made for; -1 any number. */
  readonly batch?: number;
  /** Pixels of a side; -1 any. */
  readonly size?: number;
  readonly nodes?: readonly object[];
}

/** Two convolutions of stride 4 and 2 with ReLUs, a mean over the map, and weights of 8 bits in two shards. */
export async function writeGraph(folder: string, { batch = -1, size = -1, nodes = [] }: GraphOptions = {}) {
  await mkdir(folder, { recursive: true });
  const shape = { shape: { dim: [batch, size, size, 3].map((side) => ({ size: String(side) })) } };
  const rng = createRng(1, 'graph');
  const weights = [
    { name: 'k1', shape: [4, 4, 3, 6], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.01, min: -1.28 } },
    { name: 'k2', shape: [3, 3, 6, 5], dtype: 'float32' },
    { name: 'axes', shape: [2], dtype: 'int32' },
  ];
  const model = {
    format: 'graph-model',
    generatedBy: 'test',
    convertedBy: 'test',
    modelTopology: {
      node: [
        { name: 'images', op: 'Placeholder', attr: { dtype: FLOAT, shape } },
        ...['k1', 'k2'].map((name) => ({ name, op: 'Const', attr: { dtype: FLOAT } })),
        { name: 'axes', op: 'Const', attr: { dtype: { type: 'DT_INT32' } } },
        conv('stem/conv', 'images', 'k1', 4),
        node('stem/relu', 'Relu', ['stem/conv']),
        conv('deep/conv', 'stem/relu', 'k2', 2),
        node('deep/relu', 'Relu', ['deep/conv']),
        node('scores', 'Mean', ['deep/relu', 'axes'], { Tidx: { type: 'DT_INT32' }, keep_dims: { b: false } }),
        ...nodes,
      ],
      versions: { producer: 987 },
    },
    weightsManifest: [{ paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'], weights }],
  };
  const bytes = Buffer.concat([
    Uint8Array.from({ length: 4 * 4 * 3 * 6 }, () => rng.int(0, 255)),
    new Uint8Array(Float32Array.from({ length: 3 * 3 * 6 * 5 }, () => rng.normal()).buffer),
    new Uint8Array(Int32Array.from([1, 2]).buffer),
  ]);
  await writeFile(join(folder, 'model.json'), JSON.stringify(model));
  await writeFile(join(folder, 'group1-shard1of2.bin'), bytes.subarray(0, 1000));
  await writeFile(join(folder, 'group1-shard2of2.bin'), bytes.subarray(1000));
  return model;
}

/** A Keras-style classifier: two strides, a batch norm, a mean and a dense layer. */
export async function writeLayers(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const kernelInitializer = initializers.heNormal({ seed: 1 });
  const part = (name: string, filters: number, strides: number, more: object = {}) =>
    layers.conv2d({
      name,
      filters,
      kernelSize: 3,
      strides,
      padding: 'same',
      activation: 'relu',
      kernelInitializer,
      ...more,
    });
  const model = sequential({
    layers: [
      part('c2', 4, 4, { inputShape: [null, null, 3] }),
      layers.batchNormalization({ name: 'norm' }),
      part('c3', 5, 2),
      layers.globalAveragePooling2d({ name: 'mean' }),
      layers.dense({ name: 'scores', units: 3, kernelInitializer }),
    ],
  });
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const manifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      await writeFile(join(folder, 'model.json'), JSON.stringify({ modelTopology, weightsManifest: manifest }));
      await writeFile(join(folder, 'weights.bin'), Buffer.from(weightData as ArrayBuffer));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  model.dispose();
}

import '@tensorflow/tfjs-backend-cpu';
import { efficientnetLite } from '@kd/backbone-efficientnet-lite';
import { mobilenetV2, mobilenetV3Small } from '@kd/backbone-mobilenet';
import type { Detector, ExportedNetwork } from '@kd/core';
import { UpsampleLike } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { expect, test } from 'vitest';
import { drawn, tiny } from '../../test/detectors.js';
import { dense, mapDifference, readTfjs } from '../../test/tfjs.js';
import { exportLayersModel } from './export-layers-model.js';
import type { TfjsOptions } from './read-maps.js';

/** All that may stand in it: layers of TensorFlow.js. */
const STOCK = [
  'InputLayer Conv2D DepthwiseConv2D ZeroPadding2D Cropping2D UpSampling2D MaxPooling2D AveragePooling2D',
  'Add Multiply Concatenate ReLU Activation Reshape LayerNormalization',
]
  .join(' ')
  .split(' ');

async function difference(detector: Detector, how: TfjsOptions = {}, n = 1): Promise<number> {
  await tf.setBackend('cpu');
  const before = tf.memory().numTensors;
  const { files, model: info } = exportLayersModel(detector, how);
  expect(tf.memory().numTensors).toBe(before);
  const { json, artifacts } = readTfjs(files);
  const topology = json.modelTopology as { config: { layers: { class_name: string }[] } };
  for (const layer of topology.config.layers) expect(STOCK).toContain(layer.class_name);
  const { kd, outputs } = json.userDefinedMetadata as { kd: unknown; outputs: string[] };
  expect(kd).toEqual(JSON.parse(JSON.stringify(info)));
  const model = await loadLayersModel({ load: () => Promise.resolve(artifacts) });
  expect(model.outputNames).toEqual(outputs.map((name) => name.replace('@', '.')));
  const worst = await mapDifference(detector, info, n, (images) => {
    const found = model.predict(images) as tf.Tensor[];
    return outputs.map((name, i) => [name, found[i]!]);
  });
  model.dispose();
  return worst;
}

const bottlenecks = { block: 'bottleneck', layers: [1, 1, 1, 1], width: 4, groups: 2, widthPerGroup: 32 };

test.each<[string, object, TfjsOptions?, number?]>([
  ['gfl', { norm: 'group' }],
  ['gfl', { backbone: bottlenecks, norm: 'frozen', regMax: 4 }],
  ['atss', {}, { batch: 'dynamic' }, 2],
  ['gfl', { backbone: mobilenetV2({}), norm: 'frozen' }],
  ['fcos', { norm: 'group' }],
  ['fcos', { backbone: mobilenetV3Small({ width: 0.25 }), norm: 'live' }, { size: [96, 128] }],
  [
    'fcos',
    {
      flavour: 'mmdet',
      head: { ...tiny.head, normOnBbox: true },
      input: { fixedSize: [50, 70], channels: 'bgr', range: 255, mean: [103, 116, 123] },
    },
  ],
  ['fcos', { flavour: 'mmdet' }],
  ['retinanet', { norm: 'group' }],
  ['retinanet', { norm: 'frozen', input: { fixedSize: [90, 130] } }],
  ['retinanet', { backbone: efficientnetLite({ version: 0 }), norm: 'frozen', extra: 'maxpool' }],
])('%s %j: a model of plain layers gives the same maps', async (name, options, how, n) => {
  const detector = drawn(dense[name]!.definition, { ...tiny, ...options });
  expect(await difference(detector, how, n)).toBeLessThan(2e-5);
  detector.dispose();
});

test('what no layer computes is refused by the name of the one that does, and tensors are given back', () => {
  const detector = drawn(dense['fcos']!.definition, tiny);
  const before = tf.memory().numTensors;
  const exported = (): ExportedNetwork => {
    const network = detector.exported!();
    const [fine, coarse] = network.maps['cls']!;
    const thinned = new UpsampleLike({ name: 'thinned' }).apply([fine!, coarse!]) as typeof coarse;
    return { ...network, maps: { cls: [thinned!] }, strides: [16] };
  };
  expect(() => exportLayersModel({ ...detector, exported })).toThrow(/layer thinned: .* by whole steps/);
  expect(tf.memory().numTensors).toBe(before);
  detector.dispose();
});

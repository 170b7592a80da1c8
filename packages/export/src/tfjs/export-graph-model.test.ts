import '@tensorflow/tfjs-backend-cpu';
import { efficientnetLite } from '@kd/backbone-efficientnet-lite';
import { mobilenetV2, mobilenetV3Small } from '@kd/backbone-mobilenet';
import { gfl } from '@kd/detector-gfl';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { drawn, tiny } from '../../test/detectors.js';
import { dense, mapDifference, readTfjs } from '../../test/tfjs.js';
import { exportGraphModel } from './export-graph-model.js';
import type { TfjsOptions } from './read-maps.js';

/** The largest difference of a map, as a share of the largest value. */
async function difference(name: string, options: object, how: TfjsOptions = {}, n = 1): Promise<number> {
  await tf.setBackend('cpu');
  const detector = drawn(dense[name]!.definition, { ...tiny, ...options });
  const { files, model: info } = exportGraphModel(detector, how);
  const { json, artifacts } = readTfjs(files);
  expect((json.userDefinedMetadata as { kd: unknown }).kd).toEqual(JSON.parse(JSON.stringify(info)));
  const model = await loadGraphModel({ load: () => Promise.resolve(artifacts) });
  const worst = await mapDifference(detector, info, n, (images) => {
    const found = model.predict(images) as tf.Tensor[];
    return model.outputs.map((node, i) => [node.name, found[i]!]);
  });
  model.dispose();
  detector.dispose();
  return worst;
}

const bottlenecks = { block: 'bottleneck', layers: [1, 1, 1, 1], width: 4, groups: 2, widthPerGroup: 32 };

test.each<[string, object, TfjsOptions?, number?]>([
  ['gfl', {}],
  ['gfl', { backbone: bottlenecks, norm: 'frozen', regMax: 4 }],
  ['atss', {}, { batch: 'dynamic' }, 2],
  ['gfl', { backbone: mobilenetV2({}), norm: 'frozen' }],
  ['fcos', { backbone: mobilenetV3Small({ width: 0.25 }), norm: 'live' }, { size: [96, 128] }],
  ['fcos', { flavour: 'mmdet', input: { fixedSize: [50, 70], channels: 'bgr', range: 255, mean: [103, 116, 123] } }],
  ['retinanet', { backbone: efficientnetLite({ version: 0 }), norm: 'frozen', extra: 'maxpool' }],
])('%s %j: a plain graph model gives the same maps', async (name, options, how, n) => {
  expect(await difference(name, options, how, n)).toBeLessThan(2e-5);
});

test('a size that is left open is refused', () => {
  const detector = drawn(gfl.definition as never, tiny);
  expect(() => exportGraphModel(detector, { size: 'dynamic' })).toThrow(/models of TensorFlow.js have one size/);
  detector.dispose();
});

import '@tensorflow/tfjs-backend-cpu';
import type { Detector, DetectorDefinition } from '@kd/core';
import { inputTransform } from '@kd/data';
import { tfjsDetector, type TfjsModel } from '@kd/detect';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { layers, loadLayersModel, sequential } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawn, tiny, tinyRegions } from '../../test/detectors.js';
import { dense, readTfjs } from '../../test/tfjs.js';
import { exportGraphModel } from './export-graph-model.js';
import { exportLayersModel } from './export-layers-model.js';

beforeAll(() => tf.setBackend('cpu'));

const graphModel = (detector: Detector): Promise<TfjsModel> =>
  loadGraphModel({ load: async () => readTfjs(exportGraphModel(detector).files).artifacts });
const layersModel = (detector: Detector): Promise<TfjsModel> =>
  loadLayersModel({ load: async () => readTfjs(exportLayersModel(detector).files).artifacts });

/** The export finds on pixels of any size what the detector finds, and keeps no tensor. */
async function expectSameDetections(detector: Detector, model: TfjsModel): Promise<void> {
  const exported = tfjsDetector(model, tf);
  expect(exported.backend).toBe('cpu');
  const [width, height] = [131, 97];
  const data = Uint8Array.from({ length: width * height * 3 }, (_byte, i) => (i * i * 7 + ((i / 400) | 0) * 31) & 255);
  const image = { data, width, height };
  const batch = inputTransform([{ image }], detector.input);
  const output = detector.forward(tf.tensor4d(batch.images, [...batch.shape]), { training: false });
  const [house] = await detector.detect(output, batch);
  const before = tf.memory().numTensors;
  const own = await exported.detect(image);
  expect(tf.memory().numTensors).toBe(before);
  expect(own.length).toBeGreaterThan(5);
  expect(own.map(({ label }) => label)).toEqual(Array.from(house!.labels));
  own.forEach(({ box, score }, i) => {
    expect(Math.abs(score - house!.scores[i]!)).toBeLessThan(2e-4);
    for (let side = 0; side < 4; side++) expect(Math.abs(box[side]! - house!.boxes[4 * i + side]!)).toBeLessThan(0.05);
  });
  await exported.dispose();
  detector.dispose();
}

const input = { fixedSize: [56, 88] };

it.each([
  ['gfl', 'graph', graphModel],
  ['gfl', 'layers', layersModel],
  ['retinanet', 'layers', layersModel],
  ['fcos', 'graph', graphModel],
] as const)("%s as a %s model gives the house's detections of pixels of any size", async (name, _, loaded) => {
  const detector = drawn(dense[name]!.definition, { ...tiny, input, post: { scoreThresh: 0.3, nmsThresh: 0.8 } });
  await expectSameDetections(detector, await loaded(detector));
});

const perClass = { representationSize: 8, classAgnostic: false };
const TWO_STAGES: readonly [typeof fasterRcnn | typeof cascadeRcnn, object][] = [
  [fasterRcnn, {}],
  [fasterRcnn, { flavour: 'mmdet' }],
  [fasterRcnn, { version: 2, box: { convs: 2, channels: 6, representationSize: 8 } }],
  [fasterRcnn, { roi: { ...tinyRegions.roi, samplingRatio: 0, aligned: true } }],
  [fasterRcnn, { returnedLayers: [3], extra: 'none', anchors: { sizes: [[16, 32]], ratios: [1, 2] } }],
  [cascadeRcnn, {}],
  [cascadeRcnn, { flavour: 'mmdet', box: perClass }],
];

describe.each([
  ['graph', graphModel],
  ['layers', layersModel],
])('a %s model of two stages', (_, loaded) => {
  it.each(TWO_STAGES)("case %#: the house's detections of pixels of any size", async ({ definition }, options) => {
    const post = { scoreThresh: 0.1, nmsThresh: 0.8 };
    const detector = drawn(definition as unknown as DetectorDefinition<never>, {
      ...tinyRegions,
      input,
      post,
      ...options,
    });
    await expectSameDetections(detector, await loaded(detector));
  });

  it('finds nothing where nothing is proposed', async () => {
    const rpn = { ...tinyRegions.rpn, minSize: 1000 };
    const detector = drawn(fasterRcnn.definition as unknown as DetectorDefinition<never>, { ...tinyRegions, rpn });
    const exported = tfjsDetector(await loaded(detector), tf);
    const data = new Uint8Array(64 * 96 * 3).fill(99);
    expect(await exported.detect({ data, width: 96, height: 64 })).toEqual([]);
    await exported.dispose();
    detector.dispose();
  });
});

it('a model of somebody else, and one of a later form, are told', () => {
  const other = sequential({ layers: [layers.flatten({ inputShape: [2, 2] })] });
  const invalid = (text: RegExp) =>
    expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(text) as string });
  expect(() => tfjsDetector(other, tf)).toThrow(invalid(/not written by kd export/));
  other.setUserDefinedMetadata({ kd: { format: 2 } });
  expect(() => tfjsDetector(other, tf)).toThrow(invalid(/form 2/));
});

import '@tensorflow/tfjs-backend-cpu';
import type { DetectorDefinition, ExportedModel as Contract } from '@kd/core';
import { inputTransform } from '@kd/data';
import { type ExportedModel, load } from '@kd/detect';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { drawn, tiny } from '../../test/detectors.js';
import { exportOnnx } from '../onnx/export-onnx.js';

beforeAll(() => tf.setBackend('cpu'));

it('@kd/detect reads what the contract writes', () => {
  expectTypeOf<Contract>().toExtend<ExportedModel>();
});

const definitions = [retinanet, fcos, atss, gfl].map(
  ({ definition }) => definition as unknown as DetectorDefinition<never>,
);
const inputs = {
  'one size': { fixedSize: [56, 88] },
  'sizes by the short side': { minSize: 60, maxSize: 90 },
  'mmdetection’s': {
    minSize: 60,
    maxSize: 90,
    mean: [103.53, 116.28, 123.675],
    std: [57.375, 57.12, 58.395],
    range: 255,
    channels: 'bgr',
    resize: 'mmdet',
  },
};

describe.each(definitions.map((definition) => [definition.name, definition] as const))('%s', (_, definition) => {
  it.each(Object.entries(inputs))('gives the house’s detections of pixels of any size: %s', async (name, input) => {
    const detector = drawn(definition, { ...tiny, input, post: { scoreThresh: 0.3 } });
    const size = name === 'one size' ? undefined : 'dynamic';
    const exported = await load(exportOnnx(detector, { outputs: 'maps', ...(size && { size }) }).bytes);
    let seen = 0;
    for (const [width, height] of [
      [131, 97],
      [45, 60],
    ] as const) {
      const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 7 + ((i / 400) | 0) * 31) & 255);
      const image = { data, width, height };
      const batch = inputTransform([{ image }], detector.input);
      const output = detector.forward(tf.tensor4d(batch.images, [...batch.shape]), { training: false });
      const [house] = await detector.detect(output, batch);
      const own = await exported.detect(image);
      seen += own.length;
      expect(own.map(({ label }) => label)).toEqual(Array.from(house!.labels));
      own.forEach(({ box, score }, i) => {
        expect(Math.abs(score - house!.scores[i]!)).toBeLessThan(2e-4);
        for (let side = 0; side < 4; side++)
          expect(Math.abs(box[side]! - house!.boxes[4 * i + side]!)).toBeLessThan(0.05);
      });
    }
    expect(seen).toBeGreaterThan(5);
    await exported.dispose();
    detector.dispose();
  });
});

it.each(['maps', 'detections'] as const)('an image smaller than the one size of a file with %s', async (outputs) => {
  const detector = drawn(gfl.definition as never, {
    ...tiny,
    input: { minSize: 60, maxSize: 90 },
    post: { scoreThresh: 0.3, nmsThresh: 0.8 },
  });
  // Padded by kd predict to just this size: what is computed is the same, and the image ends at 60 x 81.
  const exported = await load(exportOnnx(detector, { outputs, size: [64, 96] }).bytes);
  const [width, height] = [131, 97];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 7 + ((i / 400) | 0) * 31) & 255);
  const batch = inputTransform([{ image: { data, width, height } }], detector.input);
  expect(batch.shape.slice(1, 3)).toEqual([64, 96]);
  const output = detector.forward(tf.tensor4d(batch.images, [...batch.shape]), { training: false });
  const [house] = await detector.detect(output, batch);
  const found = await exported.detect({ data, width, height });
  const wanted = Array.from(house!.scores, (score, i) => ({ score, box: house!.boxes.subarray(4 * i, 4 * i + 4) }));
  expect(wanted.length).toBeGreaterThan(5);
  for (const { box } of found) {
    expect(box[2]).toBeLessThanOrEqual(width);
    expect(box[3]).toBeLessThanOrEqual(height);
  }
  expect(found.length).toBeGreaterThan(5);
  // NMS inside of a file sees boxes that are not yet clipped to the image, so that others may stay.
  if (outputs === 'maps') {
    expect(found).toHaveLength(wanted.length);
    wanted.forEach(({ score, box }, i) => {
      expect(Math.abs(found[i]!.score - score)).toBeLessThan(2e-4);
      found[i]!.box.forEach((side, k) => expect(Math.abs(side - box[k]!)).toBeLessThan(0.05));
    });
  }
  await exported.dispose();
  detector.dispose();
});

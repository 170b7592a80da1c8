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

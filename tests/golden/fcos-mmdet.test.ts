import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect } from 'vitest';
import { describeDetector } from './crosskd/detector-tests.js';
import { startEngine } from './support/engine.js';
import { describeGolden } from './support/index.js';

// What CrossKD's cases hold of the detector that it was run on: FCOS as mmdetection builds it.

describeGolden('crosskd', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()));

  describeDetector(area, 'fcos', {
    name: 'fcos',
    title: 'FCOS, flavour mmdet',
    assigned: async ({ avg_factor }, { centerness }) =>
      expect(
        // The reference divides by 1e-6 where there is nothing positive.
        Math.abs(Math.max((await tf.sum(centerness!).data())[0]!, 1e-6) / avg_factor - 1),
        'sum of the centerness targets',
      ).toBeLessThan(1e-6),
    decodes: ({ inputs }) => inputs['dist'] !== undefined,
  });
});

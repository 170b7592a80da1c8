import type { ImageDetections } from '@kd/core';
import { inputTransform } from '@kd/data';
import type { Detection } from '@kd/detect';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, test } from 'vitest';
import { namedEngine } from '../../../../tests/named-engine.js';
import { expectSame } from '../../test/expect-same.js';
import { REAL_FILES, readReal, trainedDetector } from '../../test/real-images.js';
import type { OnnxResult } from '../../test/run-onnx.js';
import { runTfjs } from '../../test/run-tfjs.js';
import { TRAINED } from '../../test/trained-models.js';
import { exportGraphModel } from './export-graph-model.js';
import { exportLayersModel } from './export-layers-model.js';

beforeAll(async () => void (await (await namedEngine()).start()));

const asOutputs = (found: readonly Detection[]): Record<string, OnnxResult> => ({
  boxes: { dims: [found.length, 4], data: found.flatMap(({ box }) => [...box]) },
  scores: { dims: [found.length], data: found.map(({ score }) => score) },
  labels: { dims: [found.length], data: found.map(({ label }) => label) },
});

describe.skipIf(REAL_FILES.length === 0)('real images (needs ../shared/datasets/bccd-mini, or KD_BCCD_MINI)', () => {
  test.each(Object.keys(TRAINED) as (keyof typeof TRAINED)[])(
    '%s: what the trained detector finds, plain TensorFlow.js finds, as a graph and as layers',
    async (name) => {
      const detector = await trainedDetector(name);
      const images = await Promise.all(REAL_FILES.map(readReal));
      const wanted: ImageDetections[] = [];
      let size: [number, number] = [0, 0];
      for (const image of images) {
        const batch = inputTransform([{ image, id: 0 }], detector.input);
        size = [batch.shape[1], batch.shape[2]];
        const output = detector.forward(tf.tensor4d(batch.images, [...batch.shape]), { training: false });
        wanted.push((await detector.detect(output, batch))[0]!);
      }
      // The photos have one size, and so the frame that each is padded to.
      const options = detector.input.fixedSize ? {} : { size };
      const models = [exportGraphModel(detector, options), exportLayersModel(detector, options)];
      detector.dispose();
      for (const { files } of models)
        runTfjs(files, images).forEach((found, i) => expectSame(asOutputs(found), [wanted[i]!], 10));
    },
    240_000,
  );
});

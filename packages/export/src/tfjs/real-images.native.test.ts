import type { ImageDetections } from '@kd/core';
import { inputTransform } from '@kd/data';
import type { Detection } from '@kd/detect';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { namedEngine } from '../../../../tests/named-engine.js';
import { expectSame } from '../../test/expect-same.js';
import { REAL_FILES, readReal, trainedDetector } from '../../test/real-images.js';
import type { OnnxResult } from '../../test/run-onnx.js';
import { runTfjs } from '../../test/run-tfjs.js';
import { TRAINED } from '../../test/trained-models.js';
import { exportGraphModel } from './export-graph-model.js';
import { exportLayersModel } from './export-layers-model.js';

const asOutputs = (found: readonly Detection[]): Record<string, OnnxResult> => ({
  boxes: { dims: [found.length, 4], data: found.flatMap(({ box }) => [...box]) },
  scores: { dims: [found.length], data: found.map(({ score }) => score) },
  labels: { dims: [found.length], data: found.map(({ label }) => label) },
});

const NAMES = Object.keys(TRAINED) as (keyof typeof TRAINED)[];

describe.skipIf(REAL_FILES.length === 0)('real images (needs ../shared/datasets/bccd-mini, or KD_BCCD_MINI)', () => {
  const wanted = new Map<string, ImageDetections[]>();
  /** Of each detector the graph, and the layers. */
  let found: Detection[][][];

  beforeAll(async () => {
    await (await namedEngine()).start();
    const images = await Promise.all(REAL_FILES.map(readReal));
    const models: ReadonlyMap<string, Uint8Array>[] = [];
    for (const name of NAMES) {
      const detector = await trainedDetector(name);
      let size: [number, number] = [0, 0];
      const own: ImageDetections[] = [];
      for (const image of images) {
        const batch = inputTransform([{ image, id: 0 }], detector.input);
        size = [batch.shape[1], batch.shape[2]];
        const output = detector.forward(tf.tensor4d(batch.images, [...batch.shape]), { training: false });
        own.push((await detector.detect(output, batch))[0]!);
      }
      // The photos have one size, and so the frame that each is padded to.
      const options = detector.input.fixedSize ? {} : { size };
      models.push(exportGraphModel(detector, options).files, exportLayersModel(detector, options).files);
      wanted.set(name, own);
      detector.dispose();
    }
    // One process for all: to start TensorFlow.js takes longer than what they compute.
    found = runTfjs(models, images);
  }, 240_000);

  test.each(NAMES.map((name, i) => [name, i] as const))(
    '%s: what the trained detector finds, plain TensorFlow.js finds, as a graph and as layers',
    (name, i) => {
      for (const model of found.slice(2 * i, 2 * i + 2)) {
        expect(model).toHaveLength(REAL_FILES.length);
        model.forEach((one, k) => expectSame(asOutputs(one), [wanted.get(name)![k]!], 10));
      }
    },
  );
});

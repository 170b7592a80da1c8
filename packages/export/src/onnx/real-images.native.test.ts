import type { Detector, ImageDetections } from '@kd/core';
import { inputTransform } from '@kd/data';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, test } from 'vitest';
import { namedEngine } from '../../../../tests/named-engine.js';
import { expectSame } from '../../test/expect-same.js';
import { REAL_FILES, readReal, trainedDetector } from '../../test/real-images.js';
import { runOnnx } from '../../test/run-onnx.js';
import { python, runOnnxInPython } from '../../test/run-onnx-in-python.js';
import { TRAINED } from '../../test/trained-models.js';
import { exportOnnx } from './export-onnx.js';

beforeAll(async () => void (await (await namedEngine()).start()));

interface Seen {
  /** What the detector itself finds, in pixels of its input. */
  readonly wanted: ImageDetections;
  /** RGB from 0 to 255, resized. */
  readonly pixels: Float32Array;
  readonly shape: readonly number[];
}

interface Looked {
  readonly bytes: Uint8Array;
  readonly images: readonly Seen[];
}

async function look(name: keyof typeof TRAINED): Promise<Looked> {
  const detector = await trainedDetector(name);
  const images: Seen[] = [];
  for (const file of REAL_FILES) images.push(await see(detector, file));
  const { bytes } = exportOnnx(detector);
  detector.dispose();
  return { bytes, images };
}

async function see(detector: Detector, file: string): Promise<Seen> {
  const image = await readReal(file);
  const items = [{ image, id: 0 }];
  const batch = inputTransform(items, detector.input);
  // The graph normalises and pads.
  const plain = { ...detector.input, mean: [0, 0, 0], std: [1, 1, 1], range: 255, sizeDivisible: 1 } as const;
  const { images: pixels, shape } = inputTransform(items, plain);
  const output = detector.forward(tf.tensor4d(batch.images, [...batch.shape]), { training: false });
  const [wanted] = await detector.detect(output, { ...batch, originalSizes: batch.imageSizes });
  return { wanted: wanted!, pixels, shape };
}

const looked = new Map<string, Promise<Looked>>();
const seen = (name: keyof typeof TRAINED): Promise<Looked> => {
  const found = looked.get(name) ?? look(name);
  looked.set(name, found);
  return found;
};

const DETECTORS = Object.keys(TRAINED) as (keyof typeof TRAINED)[];

describe.skipIf(REAL_FILES.length === 0)('real images (needs ../shared/datasets/bccd-mini, or KD_BCCD_MINI)', () => {
  test.each(DETECTORS)('%s: what the trained detector finds, onnxruntime finds', async (name) => {
    const { bytes, images } = await seen(name);
    for (const { wanted, pixels, shape } of images) expectSame(await runOnnx(bytes, pixels, shape), [wanted], 10);
  });

  describe.skipIf(python === undefined)('in Python (needs KD_PEER_PYTHON; node scripts/foreign.mjs sets it up)', () => {
    test.each(DETECTORS)('%s: passes onnx.checker, and onnxruntime finds the same', async (name) => {
      const { bytes, images } = await seen(name);
      for (const { wanted, pixels, shape } of images) expectSame(runOnnxInPython(bytes, pixels, shape), [wanted], 10);
    });
  });
});

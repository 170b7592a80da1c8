import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Detector, type ImageDetections, loadModel } from '@kd/core';
import { DEFAULT_MAX_PIXELS, inputTransform, readImage } from '@kd/data';
import { safetensorsFormat } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, test } from 'vitest';
import { namedEngine } from '../../../../tests/named-engine.js';
import { expectSame } from '../../test/expect-same.js';
import { runOnnx } from '../../test/run-onnx.js';
import { python, runOnnxInPython } from '../../test/run-onnx-in-python.js';
import { TRAINED } from '../../test/trained-models.js';
import { exportOnnx } from './export-onnx.js';

beforeAll(async () => void (await (await namedEngine()).start()));

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const data = process.env['KD_BCCD_MINI'] ?? join(root, '../shared/datasets/bccd-mini');
const files = existsSync(data)
  ? readdirSync(join(data, 'JPEGImages'))
      .sort()
      .slice(0, 3)
      .map((name) => join(data, 'JPEGImages', name))
  : [];

const opened = async (name: keyof typeof TRAINED): Promise<Detector> =>
  (
    await loadModel(TRAINED[name], {
      format: safetensorsFormat,
      folder: join(root, 'packages/export'),
      context: {},
    })
  ).detector;

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
  const detector = await opened(name);
  const images: Seen[] = [];
  for (const file of files) images.push(await see(detector, file));
  const { bytes } = exportOnnx(detector);
  detector.dispose();
  return { bytes, images };
}

async function see(detector: Detector, file: string): Promise<Seen> {
  const image = await readImage(file, { declared: null, maxPixels: DEFAULT_MAX_PIXELS });
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

describe.skipIf(files.length === 0)('real images (needs ../shared/datasets/bccd-mini, or KD_BCCD_MINI)', () => {
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

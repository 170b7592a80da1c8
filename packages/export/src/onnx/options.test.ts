import '@tensorflow/tfjs-backend-cpu';
import { KdError } from '@kd/core';
import { fcos } from '@kd/detector-fcos';
import { gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { layers } from '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { detected } from '../../test/detected.js';
import { drawn, pixels, tiny } from '../../test/detectors.js';
import { expectSame } from '../../test/expect-same.js';
import { runOnnx } from '../../test/run-onnx.js';
import { readNetwork } from '../network/read-network.js';
import { exportOnnx } from './export-onnx.js';

const make = (definition: { readonly definition: unknown }, options: object = {}) =>
  drawn(definition.definition as never, { ...tiny, ...options });

test.each([3, 'dynamic'] as const)('a batch of %s: image tells whose a detection is', async (batch) => {
  const detector = make(fcos, { flavour: 'mmdet' });
  const images = pixels(3, [64, 96]);
  const { images: wanted } = await detected(detector, images, [3, 64, 96]);
  expectSame(await runOnnx(exportOnnx(detector, { batch }).bytes, images, [3, 64, 96, 3]), wanted);
});

test.each([retinanet, fcos])('any size: strides follow from it', async (definition) => {
  const detector = make(definition, { input: { minSize: 64, maxSize: 128 }, extra: 'p6p7_from_p5' });
  const { bytes, model } = exportOnnx(detector, { size: 'dynamic' });
  expect(model.input.size).toBeNull();
  for (const [height, width] of [
    [96, 160],
    [64, 32],
  ] as const) {
    const images = pixels(1, [height, width]);
    const { images: wanted } = await detected(detector, images, [1, height, width]);
    expectSame(await runOnnx(bytes, images, [1, height, width, 3]), wanted);
  }
});

test('the largest size of the rule, where images differ, or another one', () => {
  const detector = make(gfl, { input: { minSize: 64, maxSize: 100 } });
  expect(exportOnnx(detector).model.input.size).toEqual([128, 128]);
  expect(exportOnnx(detector, { size: [64, 96] }).model.input).toMatchObject({
    size: [64, 96],
    rule: { fixedSize: null, maxSize: 100 },
  });
  const fixed = make(gfl);
  expect(exportOnnx(fixed, { size: [96, 96] }).model.input).toMatchObject({ rule: { fixedSize: [96, 96] } });
});

test('a fixed size that strides do not divide is padded inside, and boxes end where the image does', async () => {
  const detector = make(fcos, { input: { fixedSize: [70, 90] } });
  const images = pixels(1, [70, 90]);
  const { images: wanted } = await detected(detector, images, [1, 70, 90]);
  expectSame(await runOnnx(exportOnnx(detector).bytes, images, [1, 70, 90, 3]), wanted);
});

test('channels first, and bytes', async () => {
  const detector = make(gfl);
  const images = pixels(1, [64, 96]);
  const { images: wanted } = await detected(detector, images, [1, 64, 96]);
  const first = tf.tidy(() => tf.transpose(tf.tensor4d(images, [1, 64, 96, 3]), [0, 3, 1, 2]).dataSync());
  expectSame(
    await runOnnx(exportOnnx(detector, { layout: 'nchw' }).bytes, first as Float32Array, [1, 3, 64, 96]),
    wanted,
  );
  const bytes = Uint8Array.from(images);
  expectSame(await runOnnx(exportOnnx(detector, { dtype: 'uint8' }).bytes, bytes, [1, 64, 96, 3]), wanted);
});

describe('small weights', () => {
  test.each([
    ['float16', 0.55, 0.003],
    ['int8', 0.31, 0.05],
  ] as const)('%s', async (weights, share, most) => {
    const detector = make(retinanet, { backbone: { ...tiny.backbone, width: 16 } });
    const images = pixels(1, [64, 96]);
    const whole = exportOnnx(detector, { outputs: 'maps' }).bytes;
    const small = exportOnnx(detector, { outputs: 'maps', weights }).bytes;
    expect(small.length / whole.length).toBeLessThan(share);
    const [wanted, found] = [
      await runOnnx(whole, images, [1, 64, 96, 3]),
      await runOnnx(small, images, [1, 64, 96, 3]),
    ];
    for (const [name, { data }] of Object.entries(wanted)) {
      const deviation = Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
      const error = Math.sqrt(
        data.reduce((sum, value, i) => sum + (value - found[name]!.data[i]!) ** 2, 0) / data.length,
      );
      expect(error / deviation).toBeLessThan(most);
      expect(error).toBeGreaterThan(0);
    }
  });
});

test('nothing found is no row', async () => {
  const detector = make(gfl, { post: { scoreThresh: 1 } });
  const found = await runOnnx(exportOnnx(detector).bytes, pixels(1, [64, 96]), [1, 64, 96, 3]);
  expect(found).toEqual({
    boxes: { dims: [0, 4], data: [] },
    scores: { dims: [0], data: [] },
    labels: { dims: [0], data: [] },
  });
});

test('equal scores keep the order of the detector', async () => {
  const detector = make(retinanet, { post: { nmsThresh: 1, detectionsPerImg: 400 } });
  for (const { path, variable } of detector.variables)
    if (path.includes('cls_logits')) variable.assign(tf.zeros(variable.shape));
  const images = pixels(1, [64, 96]);
  const { images: wanted } = await detected(detector, images, [1, 64, 96]);
  const { labels, boxes } = await runOnnx(exportOnnx(detector).bytes, images, [1, 64, 96, 3]);
  expect(labels!.data).toEqual([...wanted[0]!.labels]);
  expect(labels!.data).toHaveLength(400);
  boxes!.data.forEach((side, i) => expect(Math.abs(side - wanted[0]!.boxes[i]!)).toBeLessThan(0.05));
});

describe('what cannot be written is said', () => {
  const error = (run: () => unknown): string => {
    try {
      run();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(KdError);
      return (thrown as KdError).message;
    }
    throw new Error('nothing was thrown');
  };

  test('a size that strides do not divide, with the next one', () =>
    expect(error(() => exportOnnx(make(gfl), { size: [100, 96] }))).toMatch(/100 × 96 .* multiples of 32 .* 96 × 96/));

  test('a detector that says nothing of its network', () =>
    expect(error(() => exportOnnx({ ...make(gfl), exported: undefined as never }))).toMatch(
      /gfl does not say what its network consists of/,
    ));

  test('functions of a detector: its maps alone', () => {
    const detector = make(gfl);
    const own = { ...detector, exported: () => ({ ...detector.exported!(), detections: null }) };
    expect(error(() => exportOnnx(own))).toMatch(/decodes its boxes by functions of its own.*--raw/);
    expect(exportOnnx(own, { outputs: 'maps' }).model.post).toBeUndefined();
  });

  test('a layer that other programs do not have, by its name', () => {
    class Odd extends layers.Layer {
      static readonly className = 'Odd';
      override computeOutputShape(shape: never): never {
        return shape;
      }
    }
    const { images } = make(gfl).exported!();
    const odd = new Odd({ name: 'neck.odd' }).apply(images) as typeof images;
    expect(error(() => readNetwork(images, [odd]))).toMatch(/the layer neck\.odd \(Odd\) cannot be exported/);
    const capped = layers.reLU({ name: 'capped', maxValue: 3 }).apply(images) as typeof images;
    expect(error(() => readNetwork(images, [capped]))).toMatch(/capped \(ReLU\).*limit than 6/);
  });
});

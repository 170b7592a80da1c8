import '@tensorflow/tfjs-backend-cpu';
import { type Detector, type DetectorDefinition, KdError } from '@kd/core';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { describe, expect, test } from 'vitest';
import { compare } from '../../test/compare.js';
import { detected } from '../../test/detected.js';
import { drawn, pixels, tinyRegions as small } from '../../test/detectors.js';
import { expectSame } from '../../test/expect-same.js';
import { runOnnx } from '../../test/run-onnx.js';
import { python, runOnnxInPython } from '../../test/run-onnx-in-python.js';
import { exportOnnx } from './export-onnx.js';

const definitions = { fasterRcnn, cascadeRcnn } as unknown as Record<
  string,
  { readonly definition: DetectorDefinition<never> }
>;
const made = (name: string, options: object = {}): Detector =>
  drawn(definitions[name]!.definition, { ...small, ...options });

test.each<[string, object]>([
  ['fasterRcnn', {}],
  ['fasterRcnn', { flavour: 'mmdet' }],
  ['fasterRcnn', { flavour: 'mmdet', rpn: { ...small.rpn, minSize: 12, scoreThresh: 0.4, nmsThresh: 0.5 } }],
  ['fasterRcnn', { version: 1, rpn: { ...small.rpn, minSize: 12, scoreThresh: 0.4 } }],
  ['fasterRcnn', { version: 2, box: { convs: 2, channels: 6, representationSize: 8 } }],
  ['fasterRcnn', { box: { head: 'conv_fc', convLayers: [], fcLayers: [7], classAgnostic: true } }],
  ['fasterRcnn', { roi: { ...small.roi, samplingRatio: 0, aligned: true } }],
  ['fasterRcnn', { roi: { ...small.roi, samplingRatio: 3, canonicalLevel: 3 }, input: { fixedSize: [70, 90] } }],
  ['fasterRcnn', { returnedLayers: [3], extra: 'none', anchors: { sizes: [[16, 32]], ratios: [1, 2] } }],
  ['fasterRcnn', { extra: 'p6p7_from_p5', anchors: { sizes: [[8], [16], [32], [48], [64], [80]] } }],
  ['cascadeRcnn', {}],
  ['cascadeRcnn', { flavour: 'mmdet' }],
  ['cascadeRcnn', { box: { representationSize: 8, classAgnostic: false } }],
  ['cascadeRcnn', { stages: [{ iou: 0.5, weight: 1, boxWeights: [10, 10, 5, 5] }] }],
])('%s, case %#: the maps and detections of the detector', async (name, options) => {
  const detector = made(name, options);
  await compare(detector, detector.input.fixedSize as [number, number]);
  detector.dispose();
});

test.each([3, 'dynamic'] as const)('a batch of %s', async (batch) => {
  const detector = made('cascadeRcnn', { box: { representationSize: 8, classAgnostic: false } });
  const images = pixels(3, [64, 96]);
  const { images: wanted } = await detected(detector, images, [3, 64, 96]);
  expectSame(await runOnnx(exportOnnx(detector, { batch }).bytes, images, [3, 64, 96, 3]), wanted);
});

describe.skipIf(python === undefined)('in Python (needs KD_PEER_PYTHON; node scripts/foreign.mjs sets it up)', () => {
  test.each([1, 'dynamic'] as const)('a cascade, batch %s: passes onnx.checker, and finds the same', async (batch) => {
    const detector = made('cascadeRcnn', { box: { representationSize: 8, classAgnostic: false } });
    const shape = [batch === 1 ? 1 : 2, 64, 96] as const;
    const images = pixels(shape[0], [64, 96]);
    const { images: wanted } = await detected(detector, images, shape);
    expectSame(runOnnxInPython(exportOnnx(detector, { batch }).bytes, images, [...shape, 3]), wanted);
  });
});

test.each(['torchvision', 'mmdet'])('any size, flavour %s', async (flavour) => {
  const detector = made('fasterRcnn', { flavour, input: { minSize: 64, maxSize: 128 } });
  const { bytes } = exportOnnx(detector, { size: 'dynamic' });
  for (const size of [
    [96, 160],
    [64, 32],
  ] as const) {
    const images = pixels(1, size);
    const { images: wanted } = await detected(detector, images, [1, ...size]);
    expectSame(await runOnnx(bytes, images, [1, ...size, 3]), wanted);
  }
});

test.each([
  ['fasterRcnn', {}],
  ['fasterRcnn', { box: { head: 'conv_fc', convs: 1, channels: 8, representationSize: 8 } }],
  ['cascadeRcnn', { box: { representationSize: 8, classAgnostic: false } }],
])('%s, case %#: nothing proposed is no row', async (name, options) => {
  const detector = made(name, { ...options, rpn: { ...small.rpn, scoreThresh: 1 } });
  expect(await runOnnx(exportOnnx(detector).bytes, pixels(1, [64, 96]), [1, 64, 96, 3])).toEqual({
    boxes: { dims: [0, 4], data: [] },
    scores: { dims: [0], data: [] },
    labels: { dims: [0], data: [] },
  });
});

test('weights of the box heads are stored small, too', () => {
  const detector = made('fasterRcnn', { box: { representationSize: 256 } });
  const sizeOf = (weights: 'float32' | 'int8'): number => exportOnnx(detector, { weights }).bytes.length;
  const { size } = detector.variables.find(({ path }) => path.endsWith('fc7/kernel'))!.variable;
  expect(sizeOf('float32') - sizeOf('int8')).toBeGreaterThan(2.9 * size);
});

test('--raw: the maps of the region proposal network, and how detections follow', () => {
  const { model } = exportOnnx(made('cascadeRcnn', { flavour: 'mmdet' }), { outputs: 'maps' });
  expect(model).toMatchObject({
    strides: [4, 8, 16, 32, 64],
    post: {
      kind: 'two-stage',
      classes: 3,
      proposals: { priorsPerCell: 3, preNmsTopN: 40, postNmsTopN: 30, minSize: 0, minSizeInclusive: false },
      pooling: { outputSize: 3, samplingRatio: 0, aligned: true, strides: [4, 8, 16, 32], canonicalScale: 32 },
      stages: [
        { classAgnostic: true, boxes: { code: 'delta', weights: [10, 10, 5, 5] } },
        { boxes: { weights: [20, 20, 10, 10] } },
        { boxes: { weights: [30, 30, 15, 15] } },
      ],
    },
  });
});

test('what cannot be written is said', () => {
  const detector = made('fasterRcnn', { input: { minSize: 64, maxSize: 128, sizeDivisible: 8 } });
  const said = (run: () => unknown): unknown => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(KdError);
      return (error as KdError).message;
    }
    return undefined;
  };
  expect(said(() => exportOnnx(detector, { size: 'dynamic' }))).toMatch(
    /multiples of 8 are not multiples of the strides 4, 8, 16, 32: give one size \(--size\), or set sizeDivisible to 32/,
  );
  const { regions: _, ...network } = detector.exported!();
  expect(said(() => exportOnnx({ ...detector, exported: () => network }))).toMatch(
    /faster-rcnn says how its second stage detects, but not what it consists of.*--raw/,
  );
  expect(said(() => exportOnnx({ ...detector, exported: () => network }, { outputs: 'maps' }))).toBeUndefined();
});

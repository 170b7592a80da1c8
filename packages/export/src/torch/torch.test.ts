import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mobilenetV2, mobilenetV3Small } from '@kd/backbone-mobilenet';
import { buildDetector, createRng, type Detector, type DetectorDefinition, disposeAll, tidy, type Use } from '@kd/core';
import { type HostImage, inputTransform } from '@kd/data';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { serializeSafetensors } from '@kd/weights';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportTorch } from './export-torch.js';

const python = process.env['KD_PEER_PYTHON'];
const HOW = 'needs KD_PEER_PYTHON, a Python with: pip install torch torchvision safetensors mmdet "mmcv-lite<2.2"';

const categories = ['cell', 'plate', 'speck'].map((name, i) => ({ id: i + 1, name }));
const context = { categories, seed: 3 };
const tiny = { block: 'basic' as const, layers: [1, 1, 1, 1], width: 8 };
const caffe = {
  block: 'bottleneck' as const,
  layers: [1, 1, 1, 1],
  width: 16,
  groups: 2,
  widthPerGroup: 16,
  style: 'caffe' as const,
};
const wide = { block: 'basic' as const, layers: [1, 1, 1, 1], width: 64 };
const input = { fixedSize: [64, 96] } as const;
const [H, W] = input.fixedSize;
const shared = { backbone: tiny, fpnChannels: 16, input: { ...input } as { fixedSize: [number, number] } };
const post = { scoreThresh: 0.3 };

const build = (use: Use<DetectorDefinition>): Detector => buildDetector(use, context).detector;

const CASES: Readonly<Record<string, () => Detector>> = {
  'torchvision-retinanet': () =>
    build(
      retinanet({
        ...shared,
        head: { depth: 1 },
        post,
        extra: 'none',
        anchors: { sizes: [[16], [32], [64]] },
      }),
    ),
  'torchvision-retinanet-frozen': () =>
    build(
      retinanet({
        ...shared,
        backbone: wide,
        norm: 'frozen',
        frozenBnEps: 0.001,
        fpnChannels: 32,
        head: { norm: 'group', channels: 16, groups: 4, depth: 2 },
        extra: 'p6p7_from_c5',
        post,
      }),
    ),
  'torchvision-fcos': () =>
    build(
      fcos({
        ...shared,
        backbone: caffe,
        norm: 'live',
        fpnChannels: 64,
        head: { depth: 2 },
        post,
      }),
    ),
  'torchvision-fcos-mobilenet': () =>
    build(
      fcos({
        ...shared,
        backbone: mobilenetV2({ width: 0.25 }),
        norm: 'eval',
        head: { depth: 1, norm: 'none', channels: 8 },
        extra: 'maxpool',
        post,
      }),
    ),
  'torchvision-faster-rcnn': () =>
    build(
      fasterRcnn({
        ...shared,
        rpn: { postNmsTopN: 50 },
        roi: { outputSize: 3 },
        box: { representationSize: 16 },
        post,
      }),
    ),
  'torchvision-faster-rcnn-v2': () =>
    build(
      fasterRcnn({
        ...shared,
        version: 2,
        backbone: mobilenetV3Small({ width: 0.5 }),
        rpn: { postNmsTopN: 50 },
        roi: { outputSize: 3 },
        box: { representationSize: 16, convs: 2 },
        post: { scoreThresh: 0.2 },
      }),
    ),
  'mmdet-retinanet': () =>
    build(
      retinanet({
        ...shared,
        flavour: 'mmdet',
        head: { depth: 1 },
        post,
        extra: 'none',
        anchors: {
          sizes: [
            [16, 20],
            [32, 40],
            [64, 80],
          ],
        },
      }),
    ),
  'mmdet-retinanet-frozen': () =>
    build(
      retinanet({
        ...shared,
        flavour: 'mmdet',
        backbone: wide,
        norm: 'frozen',
        frozenBnEps: 0.001,
        fpnChannels: 32,
        head: { norm: 'group', channels: 16, groups: 4, depth: 2 },
        extra: 'p6_from_c5',
        post,
      }),
    ),
  'mmdet-fcos': () =>
    build(
      fcos({
        ...shared,
        input: { ...shared.input, channels: 'bgr' },
        flavour: 'mmdet',
        backbone: caffe,
        norm: 'live',
        fpnChannels: 64,
        head: { depth: 2, normOnBbox: true },
        post,
      }),
    ),
  'mmdet-atss': () =>
    build(
      atss({
        ...shared,
        backbone: { ...tiny, width: 32 },
        head: { depth: 1, groups: 4 },
        extra: 'maxpool',
        post,
      }),
    ),
  'mmdet-gfl': () =>
    build(
      gfl({
        ...shared,
        backbone: { ...tiny, layers: [2, 2, 2, 2] },
        norm: 'eval',
        head: { depth: 1, groups: 4 },
        regMax: 7,
        post,
      }),
    ),
  'mmdet-faster-rcnn': () =>
    build(
      fasterRcnn({
        ...shared,
        flavour: 'mmdet',
        fpnNorm: true,
        rpn: { postNmsTopN: 50, depth: 2 },
        roi: { outputSize: 3 },
        box: { head: 'conv_fc', convs: 2, representationSize: 16 },
        post: { scoreThresh: 0.2 },
      }),
    ),
  'mmdet-cascade-rcnn': () =>
    build(
      cascadeRcnn({
        ...shared,
        flavour: 'mmdet',
        rpn: { postNmsTopN: 50 },
        roi: { outputSize: 3 },
        box: { representationSize: 16 },
        post: { scoreThresh: 0.2 },
      }),
    ),
};

/** A picture of smooth spots, the same every time. */
function picture(): HostImage {
  const rng = createRng(11);
  const spots = Array.from({ length: 12 }, () => [
    rng.uniform() * W,
    rng.uniform() * H,
    4 + rng.uniform() * 18,
    rng.uniform(),
  ]);
  const data = new Uint8Array(H * W * 3);
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++)
      for (let c = 0; c < 3; c++) {
        let value = 90 + 30 * c;
        for (const [cx, cy, r, tone] of spots as [number, number, number, number][])
          value += 140 * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * r * r)) * Math.cos(2.1 * c + 6 * tone);
        data[(y * W + x) * 3 + c] = Math.max(0, Math.min(255, Math.round(value)));
      }
  return { data, width: W, height: H };
}

/** Weights under which every layer matters and objects are found. */
function shake(detector: Detector): void {
  const rng = createRng(5);
  for (const { path, variable } of detector.variables) {
    const values = Float32Array.from(variable.dataSync());
    const spread = /cls_logits|cls_score/.test(path) ? 0.25 : /kernel$/.test(path) ? 0 : 0.2;
    for (let i = 0; i < values.length; i++) {
      if (/cls_logits\/bias$/.test(path)) values[i] = -0.8;
      values[i]! += spread * (rng.uniform() - 0.5);
    }
    const tensor = tf.tensor(values, variable.shape);
    variable.assign(tensor);
    tensor.dispose();
  }
}

interface Found {
  readonly boxes: readonly (readonly number[])[];
  readonly scores: readonly number[];
  readonly labels: readonly number[];
}

async function found(detector: Detector, image: HostImage): Promise<Found> {
  const batch = inputTransform([{ image, id: 0 }], detector.input);
  const images = tf.tensor4d(batch.images, [...batch.shape]);
  const output = tidy(() => detector.forward(images, { training: false }));
  const [one] = await detector.detect(output, batch);
  disposeAll([images, output]);
  const { boxes, scores, labels } = one!;
  return {
    boxes: Array.from(scores, (_, i) => [...boxes.subarray(4 * i, 4 * i + 4)]),
    scores: [...scores],
    labels: [...labels],
  };
}

describe.skipIf(!python).each(['torchvision', 'mmdet'] as const)(`models of %s (${HOW})`, (family) => {
  const names = Object.keys(CASES).filter((name) => name.startsWith(family));
  const folder = mkdtempSync(join(tmpdir(), 'kd-export-'));
  const ours = new Map<string, Found>();
  let theirs: Record<string, Found & { readonly error?: string }> = {};

  beforeAll(async () => {
    await tf.setBackend('cpu');
    const image = picture();
    for (const name of names) {
      const detector = CASES[name]!();
      shake(detector);
      const { tensors, builder } = await exportTorch(detector, family);
      writeFileSync(join(folder, `${name}.safetensors`), serializeSafetensors(tensors));
      writeFileSync(join(folder, `${name}.py`), builder(`${name}.safetensors`));
      writeFileSync(join(folder, `${name}.rgb`), image.data);
      ours.set(name, await found(detector, image));
      detector.dispose();
    }
    writeFileSync(join(folder, 'cases.json'), JSON.stringify(names.map((name) => ({ name, family, image: [H, W] }))));
    const script = fileURLToPath(new URL('../../foreign/torch_models.py', import.meta.url));
    const printed = execFileSync(python!, [script, folder], { encoding: 'utf8', maxBuffer: 1 << 26 });
    theirs = JSON.parse(printed.split('RESULT ')[1]!) as typeof theirs;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(names)('%s loads strictly, and finds the same', (name) => {
    const [mine, other] = [ours.get(name)!, theirs[name]!];
    expect(other.error).toBeUndefined();
    expect(mine.scores.length).toBeGreaterThan(4);
    const background = name.includes('torchvision-faster') ? 1 : 0;
    expect(other.labels.map((label) => label - background)).toEqual(mine.labels);
    mine.scores.forEach((score, i) => {
      expect(Math.abs(other.scores[i]! - score)).toBeLessThan(2e-4);
      mine.boxes[i]!.forEach((side, k) => expect(Math.abs(other.boxes[i]![k]! - side)).toBeLessThan(0.05));
    });
  });
});

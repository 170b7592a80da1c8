import { inputTransform } from '@kd/data';
import { describe, expect, it } from 'vitest';
import type { ExportedModel, InputRule } from './exported-model.js';
import { prepare } from './prepare.js';

const rules = {
  torchvision: {
    minSize: [96, 160],
    maxSize: 233,
    fixedSize: null,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    sizeDivisible: 32,
  },
  mmdet: {
    minSize: [160],
    maxSize: 233,
    fixedSize: null,
    mean: [103.53, 116.28, 123.675],
    std: [57.375, 57.12, 58.395],
    range: 255,
    channels: 'bgr',
    resize: 'mmdet',
    sizeDivisible: 32,
  },
  fixed: {
    minSize: [],
    maxSize: 1,
    fixedSize: [75, 131],
    mean: [0.5, 0.4, 0.3],
    std: [0.2, 0.2, 0.2],
    sizeDivisible: 16,
  },
} as const satisfies Record<string, InputRule>;

/** Noise: any value that is taken from another place, or weighed otherwise, shows. */
function noise(width: number, height: number, channels: 3 | 4) {
  let seed = width * 7919 + height;
  const data = Uint8Array.from({ length: width * height * channels }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 24;
  });
  return { data, width, height, channels };
}

const input = (rule: InputRule, more: Partial<ExportedModel['input']> = {}): ExportedModel['input'] => ({
  layout: 'nhwc',
  dtype: 'float32',
  size: null,
  batch: 1,
  rule,
  ...more,
});

/** As the graph of an exported model normalises. */
function normalised(data: ArrayLike<number>, { mean, std, range = 1, channels }: InputRule): Float32Array {
  return Float32Array.from(data, (_, i) => {
    const place = i % 3;
    const from = channels === 'bgr' ? i - place + 2 - place : i;
    return ((data[from]! * range) / 255 - mean[place]!) / std[place]!;
  });
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
  return worst;
}

describe.each(Object.entries(rules))('%s', (_, rule) => {
  it.each([
    [640, 480],
    [97, 128],
    [333, 61],
    [31, 500],
    [1, 1],
    [160, 160],
  ])('makes of %i x %i pixels what the house trains and predicts on', (width, height) => {
    const image = noise(width, height, 3);
    const house = inputTransform([{ image }], rule);
    const own = prepare(image, input(rule));
    expect(own.imageSize).toEqual(house.imageSizes[0]);
    expect(own.shape).toEqual(house.shape);
    expect(largestDifference(normalised(own.data, rule), house.images)).toBeLessThan(5e-6);
  });
});

it('leaves alpha out', () => {
  const image = noise(50, 40, 4);
  const opaque = { ...image, data: image.data.filter((_, i) => i % 4 !== 3), channels: 3 as const };
  const [a, b] = [image, opaque].map((one) => prepare(one, input(rules.mmdet)));
  expect(largestDifference(a!.data, b!.data)).toBe(0);
});

it('gives channels first, whole bytes, and batches whose other images are padding', () => {
  const image = noise(50, 40, 3);
  const plain = prepare(image, input(rules.mmdet));
  const first = prepare(image, input(rules.mmdet, { layout: 'nchw' }));
  const [, h, w] = plain.shape as [number, number, number, number];
  expect(first.shape).toEqual([1, 3, h, w]);
  const turned = Array.from(plain.data, (_, i) => plain.data[(i % (h * w)) * 3 + Math.floor(i / (h * w))]!);
  expect(largestDifference(first.data, turned)).toBe(0);
  const bytes = prepare(image, input(rules.torchvision, { dtype: 'uint8', batch: 2 }));
  const exact = prepare(image, input(rules.torchvision));
  expect(bytes.data).toBeInstanceOf(Uint8Array);
  expect(bytes.shape[0]).toBe(2);
  expect(largestDifference(bytes.data.subarray(0, exact.data.length), exact.data)).toBeLessThanOrEqual(0.5001);
});

it('makes an image fit into the one size of a model, and pads it there', () => {
  const { imageSize, shape, data } = prepare(noise(640, 480, 3), input(rules.torchvision, { size: [96, 96] }));
  expect([imageSize, shape]).toEqual([
    [72, 96],
    [1, 96, 96, 3],
  ]);
  expect(Array.from(data.subarray(72 * 96 * 3, 72 * 96 * 3 + 3))).toEqual(
    rules.torchvision.mean.map((mean) => Math.fround(mean * 255)),
  );
});

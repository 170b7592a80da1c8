import { createRng } from '@kd/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Box } from '../read/box-rule.js';
import { augmentationNames, createAugmentation } from './augment.js';
import { flip } from './flip.js';
import { shiftHue } from './hue.js';
import { cropTo, iouCrop } from './iou-crop.js';
import type { Sample } from './sample.js';

/** Every pixel holds its place, so that boxes can be checked against pixels. */
const placed = (width: number, height: number, boxes: readonly Box[] = []): Sample => ({
  image: {
    width,
    height,
    data: Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => [Math.floor(i / 3) % width, Math.floor(i / 3 / width), 7][i % 3]!,
    ),
  },
  boxes,
  labels: boxes.map((_, i) => i),
});
const pixel = ({ image }: Sample, x: number, y: number) => [
  ...image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3),
];

const boxIn = (width: number, height: number) =>
  fc
    .tuple(
      fc.integer({ min: 0, max: width - 1 }),
      fc.integer({ min: 0, max: height - 1 }),
      fc.integer({ min: 1, max: width }),
      fc.integer({ min: 1, max: height }),
    )
    .map(([x, y, w, h]): Box => [x, y, Math.min(x + w, width), Math.min(y + h, height)]);

describe('flip', () => {
  it('moves boxes with the pixels, and twice is nothing', () => {
    fc.assert(
      fc.property(boxIn(13, 9), fc.constantFrom('horizontal' as const, 'vertical' as const), (box, direction) => {
        const sample = placed(13, 9, [box]);
        const flipped = flip(sample, direction);
        const [x1, y1, x2, y2] = flipped.boxes[0]!;
        // the corner of the box shows the same pixel as the opposite corner did
        expect(pixel(flipped, x1, y1)).toEqual(
          direction === 'horizontal' ? [box[2] - 1, box[1], 7] : [box[0], box[3] - 1, 7],
        );
        expect([x2 - x1, y2 - y1]).toEqual([box[2] - box[0], box[3] - box[1]]);
        expect(flip(flipped, direction)).toEqual(sample);
      }),
    );
  });
});

describe('iou-crop', () => {
  const options = { minScale: 0.3, maxScale: 1, minAspect: 0.5, maxAspect: 2, minIous: [0, 0.3, 0.7], trials: 40 };

  it('keeps boxes with their centre inside, clipped, over the same pixels', () => {
    const sample = placed(40, 30, [
      [0, 0, 10, 10],
      [12, 8, 30, 20],
      [28, 18, 40, 30],
    ]);
    const cropped = cropTo(sample, [10, 6, 32, 22]);
    expect(cropped.boxes).toEqual([[2, 2, 20, 14]]);
    expect(cropped.labels).toEqual([1]);
    expect([cropped.image.width, cropped.image.height]).toEqual([22, 16]);
    expect(pixel(cropped, 2, 2)).toEqual([12, 8, 7]);
    expect(cropTo(sample, [14, 10, 26, 16]).boxes).toEqual([[0, 0, 12, 6]]);
  });

  it('leaves at least one box, none empty, none outside', () => {
    fc.assert(
      fc.property(fc.array(boxIn(40, 30), { minLength: 1, maxLength: 6 }), fc.integer(), (boxes, seed) => {
        const { image, boxes: kept, labels } = iouCrop(placed(40, 30, boxes), options, createRng(seed));
        expect(kept.length).toBeGreaterThan(0);
        expect(labels.length).toBe(kept.length);
        expect(image.data.length).toBe(image.width * image.height * 3);
        for (const [x1, y1, x2, y2] of kept)
          expect(x1 >= 0 && y1 >= 0 && x2 <= image.width && y2 <= image.height && x2 > x1 && y2 > y1).toBe(true);
      }),
    );
  });

  it('crops in most cases, never an image without boxes', () => {
    const widths = Array.from(
      { length: 50 },
      (_, seed) => iouCrop(placed(40, 30, [[5, 5, 25, 25]]), options, createRng(seed)).image.width,
    );
    expect(widths.filter((width) => width < 40).length).toBeGreaterThan(30);
    expect(iouCrop(placed(40, 30), options, createRng(1)).image.width).toBe(40);
  });
});

describe('photometric', () => {
  const always = (options: object) =>
    createAugmentation([
      {
        name: 'photometric',
        probability: 1,
        brightness: [1, 1],
        contrast: [1, 1],
        saturation: [1, 1],
        hue: [0, 0],
        ...options,
      },
    ]);
  const sorted = (data: Uint8Array) => [...data].sort((a, b) => a - b); // the channels are permuted, too

  it('changes brightness by a factor, contrast about the mean grey, saturation towards grey', () => {
    const data = Uint8Array.of(10, 100, 200);
    const sample: Sample = { image: { data, width: 1, height: 1 }, boxes: [], labels: [] };
    const grey = 0.2989 * 10 + 0.587 * 100 + 0.114 * 200;
    const run = (options: object) => sorted(always(options)(sample, createRng(3)).image.data);
    expect(run({})).toEqual([10, 100, 200]);
    expect(run({ brightness: [1.5, 1.5] })).toEqual([15, 150, 255]);
    expect(run({ contrast: [0.5, 0.5] })).toEqual([10, 100, 200].map((v) => Math.round(0.5 * v + 0.5 * grey)));
    expect(run({ saturation: [0, 0] })).toEqual([grey, grey, grey].map(Math.round));
    expect([...data]).toEqual([10, 100, 200]); // the source is untouched
  });

  it('turns the hue', () => {
    const turned = (turns: number, ...rgb: number[]) => {
      const data = Uint8Array.from(rgb);
      shiftHue(data, turns);
      return [...data];
    };
    expect(turned(1 / 3, 255, 0, 0)).toEqual([0, 255, 0]);
    expect(turned(-1 / 3, 255, 0, 0)).toEqual([0, 0, 255]);
    expect(turned(0.5, 200, 100, 50)).toEqual([50, 150, 200]);
    expect(turned(0.2, 80, 80, 80)).toEqual([80, 80, 80]);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 3, maxLength: 3 }), (rgb) => {
        expect(turned(0, ...rgb)).toEqual([...rgb]);
        expect(turned(1, ...rgb)).toEqual([...rgb]);
      }),
    );
  });
});

describe('createAugmentation', () => {
  it('gives every step its own stream, so that options of one do not change what another draws', () => {
    const run = (probability: number) =>
      createAugmentation([{ name: 'photometric', probability }, { name: 'flip' }])(
        placed(8, 6, [[0, 0, 3, 3]]),
        createRng(5),
      ).boxes;
    expect(run(0)).toEqual(run(1));
    const flips = Array.from(
      { length: 400 },
      (_, seed) =>
        createAugmentation([{ name: 'flip' }])(placed(8, 6, [[0, 0, 3, 3]]), createRng(seed)).boxes[0]![0] === 5,
    );
    expect(Math.abs(flips.filter(Boolean).length - 200)).toBeLessThan(50);
  });

  it('tells what exists', () => {
    expect(augmentationNames).toEqual(['flip', 'photometric', 'iou-crop']);
    expect(() => createAugmentation([{ name: 'flop' }])).toThrow(
      /augment\[0\].*"flop".*did you mean "flip".*flip, photometric, iou-crop/,
    );
    expect(() => createAugmentation([{ name: 'toString' }])).toThrow(/toString/);
    expect(() => createAugmentation([{ name: 'flip', probabilty: 1 }])).toThrow(/augment\[0\] \(flip\).*probabilty/s);
    expect(() => createAugmentation([{ name: 'flip', probability: 2 }])).toThrow(/probability/);
  });
});

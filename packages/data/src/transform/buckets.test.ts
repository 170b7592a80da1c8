import { describe, expect, it } from 'vitest';
import { chooseBuckets, padTo, type Size } from './buckets.js';

const input = {
  minSize: [100],
  maxSize: 200,
  fixedSize: null,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  sizeDivisible: 32,
} as const;
const images = (...sizes: Size[]) => sizes.map(([height, width]) => ({ height, width }));

describe('chooseBuckets', () => {
  it('takes the sizes that occur where they are few, and the largest of every pair in a batch', () => {
    expect(chooseBuckets(images([50, 75], [100, 100]), input, { batchSize: 1, most: 8 })).toEqual([
      [128, 128],
      [128, 160],
    ]);
    expect(chooseBuckets(images([50, 100], [100, 50]), input, { batchSize: 2, most: 8 })).toEqual([
      [128, 224],
      [224, 128],
      [224, 224],
    ]);
  });

  it('merges those that cost the fewest pixels', () => {
    const many = images([100, 100], [100, 100], [100, 100], [100, 140], [100, 161]);
    expect(chooseBuckets(many, input, { batchSize: 1, most: 2 })).toEqual([
      [128, 128],
      [128, 192],
    ]);
  });

  it('merges none whose side would grow by 1.4 times, however few are wanted', () => {
    expect(chooseBuckets(images([100, 100], [100, 200], [200, 100]), input, { batchSize: 1, most: 1 })).toHaveLength(3);
  });

  it('stays few with thousands of sizes, of which any batch has one', () => {
    const all = images(
      ...Array.from({ length: 3000 }, (_, i): Size => [480 + ((i * 37) % 160), 480 + ((i * 91) % 160)]),
    );
    const coco = { ...input, minSize: [640, 672, 704, 736, 768, 800], maxSize: 1333 };
    const buckets = chooseBuckets(all, coco, { batchSize: 2, most: 8 });
    expect(buckets.length).toBeLessThanOrEqual(8);
    for (const size of [
      [640, 700],
      [800, 800],
      [810, 1041],
    ] as const)
      expect(buckets).toContainEqual(padTo(size, 32, buckets));
  });

  it('has nothing to choose where every image is stretched to one size', () => {
    expect(chooseBuckets(images([50, 75]), { ...input, fixedSize: [64, 64] }, { batchSize: 1, most: 8 })).toEqual([]);
  });
});

describe('padTo', () => {
  const buckets: Size[] = [
    [128, 128],
    [128, 192],
    [256, 256],
  ];

  it('takes the smallest that holds it, and its own size where all are too small or much too large', () => {
    const at = (...size: Size) => padTo(size, 32, buckets);
    expect(at(96, 128)).toEqual([128, 128]);
    expect(at(128, 140)).toEqual([128, 192]);
    expect(at(190, 224)).toEqual([256, 256]);
    expect(at(127, 250)).toEqual([128, 256]);
    expect(at(288, 60)).toEqual([288, 64]);
    // 1.6 times as high.
    expect(at(80, 128)).toEqual([96, 128]);
  });
});

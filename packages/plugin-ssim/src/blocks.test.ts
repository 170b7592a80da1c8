import { describe, expect, it } from 'vitest';
import { blocksOf } from './blocks.js';

describe('blocksOf', () => {
  it('covers every image and channel once, whatever the sizes', () => {
    for (const [n, h, w, c] of [
      [1, 1, 1, 1],
      [2, 100, 136, 256],
      [16, 100, 136, 100],
      [3, 7, 9, 33],
      [1, 800, 1333, 5],
    ] as const) {
      for (const bytes of [1, 1 << 20, 1 << 30]) {
        const seen = new Map<string, number>();
        for (const { image, images, channel, channels } of blocksOf([n, h, w, c], bytes).flat()) {
          for (let i = image; i < image + images; i++)
            for (let k = channel; k < channel + channels; k++) seen.set(`${i} ${k}`, (seen.get(`${i} ${k}`) ?? 0) + 1);
        }
        expect(seen.size).toBe(n * c);
        expect([...seen.values()].every((times) => times === 1)).toBe(true);
      }
    }
  });

  it('keeps small maps in one piece, and large ones in whole vectors of channels', () => {
    expect(blocksOf([8, 7, 9, 256])).toEqual([[{ image: 0, images: 8, channel: 0, channels: 256 }]]);
    expect(blocksOf([2, 100, 136, 256]).map((row) => row.map(({ images, channels }) => [images, channels]))).toEqual(
      Array(2).fill(Array(2).fill([1, 128])),
    );
  });
});

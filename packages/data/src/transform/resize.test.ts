import { expect, it } from 'vitest';
import { resizedSize, resizeInto } from './resize.js';

it.each([
  [97, 128, 112, 160, 111, 147],
  [480, 640, 800, 1333, 800, 1066],
  [427, 640, 800, 1333, 800, 1199],
  [1000, 300, 800, 1333, 1333, 399],
  [333, 500, 800, 1333, 800, 1201],
  [500, 353, 800, 1333, 1133, 800],
  [1, 1, 800, 1333, 800, 800],
  [49, 60, 98, 150, 98, 120],
])('%i x %i at %i, %i becomes %i x %i', (h, w, min, max, outH, outW) => {
  expect(resizedSize(h, w, min, max)).toEqual([outH, outW]);
});

it('never makes a side vanish', () => {
  expect(resizedSize(1, 5000, 32, 64)).toEqual([1, 64]);
});

const spec = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } as const;
const resize = (data: number[], width: number, height: number, toHeight: number, toWidth: number) => {
  const out = new Float32Array(toHeight * toWidth * 3);
  resizeInto(
    { data: out, offset: 0, rowStride: toWidth * 3 },
    { data: Uint8Array.from(data.flatMap((v) => [v, v, v])), width, height },
    toHeight,
    toWidth,
    spec,
  );
  return [...out].filter((_, i) => i % 3 === 0).map((v) => Math.round(v * 1e4) / 1e4);
};

it('samples at half-pixel centres, clamped at the border, without antialiasing', () => {
  expect(resize([0, 100], 2, 1, 1, 4)).toEqual([0, 25, 75, 100]);
  // sources 1.5 and 5.5: an average of two, not of four
  expect(resize([0, 10, 20, 30, 40, 50, 60, 70], 8, 1, 1, 2)).toEqual([15, 55]);
  expect(resize([0, 100, 200, 50], 2, 2, 2, 2)).toEqual([0, 100, 200, 50]);
  expect(resize([0, 100, 200, 40], 2, 2, 1, 1)).toEqual([85]);
});

it.each([{}, { channels: 'bgr' }, { resize: 'mmdet', range: 255 }] as const)(
  'normalises what has its size: %o',
  (how) => {
    const [mean, std] = [
      [0.4, 0.5, 0.6],
      [0.2, 0.3, 0.4],
    ] as const;
    const data = Uint8Array.from({ length: 5 * 3 * 3 }, (_, i) => (i * 89) % 256);
    const out = new Float32Array(3 * 20);
    resizeInto({ data: out, offset: 1, rowStride: 20 }, { data, width: 5, height: 3 }, 3, 5, { mean, std, ...how });
    const { channels = 'rgb', range = 1 } = how as { channels?: 'bgr'; range?: number };
    data.forEach((value, i) => {
      const [row, cell, c] = [Math.floor(i / 15), Math.floor(i / 3) % 5, channels === 'bgr' ? 2 - (i % 3) : i % 3];
      expect(out[1 + row * 20 + cell * 3 + c]).toBeCloseTo(((value * range) / 255 - mean[c]!) / std[c]!, 4);
    });
    expect([out[0], out[16]]).toEqual([0, 0]);
  },
);

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { correctBox } from './box-rule.js';

it('keeps, clips and drops', () => {
  expect(correctBox([0, 0, 10, 20], 10, 20)).toEqual({ box: [0, 0, 10, 20] });
  expect(correctBox([-1.5, 2, 4, 30], 10, 20)).toMatchObject({
    box: [0, 2, 4, 20],
    why: expect.stringContaining('overhangs') as string,
  });
  expect(correctBox([3, 3, 3, 9], 10, 20)).toMatchObject({
    box: null,
    why: expect.stringContaining('no area') as string,
  });
  expect(correctBox([9, 3, 3, 9], 10, 20).box).toBeNull();
  expect(correctBox([10, 3, 12, 9], 10, 20)).toMatchObject({
    box: null,
    why: expect.stringContaining('outside') as string,
  });
  expect(correctBox([-4, 3, 0, 9], 10, 20).box).toBeNull();
});

it('leaves nothing outside, nothing empty, and is done after one pass', () => {
  const corner = fc.double({ min: -50, max: 150, noNaN: true });
  fc.assert(
    fc.property(corner, corner, corner, corner, (x1, y1, x2, y2) => {
      const { box } = correctBox([x1, y1, x2, y2], 100, 80);
      if (box === null) return;
      expect(box[0] >= 0 && box[1] >= 0 && box[2] <= 100 && box[3] <= 80 && box[2] > box[0] && box[3] > box[1]).toBe(
        true,
      );
      expect(correctBox(box, 100, 80)).toEqual({ box });
    }),
  );
});

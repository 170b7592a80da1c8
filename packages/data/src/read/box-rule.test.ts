import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cleaned, correctBox, short } from './box-rule.js';

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

it('cleans numbers as their text of ten digits says them', () => {
  expect([0.1 + 0.2, 1.1 + 2.2, 639.99999999999, 9.99999999996, 1e-7 / 3, -1.1 - 2.2].map(cleaned)).toEqual([
    0.3, 3.3, 640, 10, 3.333333333e-8, -3.3,
  ]);
  const number = fc.oneof(
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.double({ min: 0, max: 3000, noNaN: true }),
    fc.tuple(fc.nat(100_000), fc.nat(100_000)).map(([a, b]) => a / 100 + b / 1000),
    fc.nat(99_999_999).map((n) => 100 + n / 1e7 + 5e-8), // amid two numbers of ten digits
  );
  fc.assert(
    fc.property(number, (value) => Object.is(cleaned(value) || 0, Number(short(value)) || 0)),
    { numRuns: 2000 },
  );
});

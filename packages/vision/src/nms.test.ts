import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nms } from './nms.js';

type Box = readonly number[];

const coordinate = fc.integer({ min: 0, max: 20 });
const box = fc.tuple(coordinate, coordinate, coordinate, coordinate).map(([x, y, w, h]) => [x, y, x + w, y + h] as Box);
const scored = fc.record({
  box,
  score: fc.integer({ min: 0, max: 6 }).map((i) => i / 8),
  group: fc.integer({ min: 0, max: 2 }),
});

const f = Math.fround;
const area = ([x1, y1, x2, y2]: Box): number => (x2! - x1!) * (y2! - y1!);

function iou(a: Box, b: Box): number {
  const inter =
    Math.max(0, Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!)) *
    Math.max(0, Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!));
  return f(inter / (area(a) + area(b) - inter));
}

const flat = (boxes: readonly Box[]): Float32Array => Float32Array.from(boxes.flat());

it('keeps no pair of a class above the threshold, drops only what a better box covers, and goes by score, then index', () => {
  fc.assert(
    fc.property(fc.array(scored, { maxLength: 40 }), fc.constantFrom(0.3, 0.5, 0.7), (items, threshold) => {
      const kept = [
        ...nms(
          flat(items.map((i) => i.box)),
          Float32Array.from(items, (i) => i.score),
          { threshold, classes: items.map((i) => i.group) },
        ),
      ];
      const before = (a: number, b: number): boolean =>
        items[a]!.score > items[b]!.score || (items[a]!.score === items[b]!.score && a < b);
      const covers = (a: number, b: number): boolean =>
        items[a]!.group === items[b]!.group && iou(items[a]!.box, items[b]!.box) > threshold;
      kept.slice(1).forEach((b, i) => expect(before(kept[i]!, b)).toBe(true));
      for (const a of kept) for (const b of kept) if (a !== b) expect(covers(a, b)).toBe(false);
      items.forEach((_, i) => {
        if (!kept.includes(i)) expect(kept.some((k) => before(k, i) && covers(k, i))).toBe(true);
      });
    }),
  );
});

it('compares the float32 IoU with the double threshold: exactly the threshold is kept', () => {
  const boxes = flat([
    [0, 0, 10, 10],
    [0, 0, 10, 20],
    [0, 0, 5, 10],
  ]);
  expect([...nms(boxes, Float32Array.of(0.9, 0.8, 0.7), { threshold: 0.5 })]).toEqual([0, 1, 2]);
  const third = flat([
    [0, 0, 30, 10],
    [0, 0, 10, 10],
  ]); // float32(1 / 3) > 1 / 3
  expect([...nms(third, Float32Array.of(2, 1), { threshold: 1 / 3 })]).toEqual([0]);
  expect([...nms(third, Float32Array.of(2, 1), { threshold: f(1 / 3) })]).toEqual([0, 1]);
});

it('drops nothing for a NaN IoU, and stops at the limit', () => {
  const empty = flat([
    [5, 5, 5, 9],
    [5, 5, 5, 9],
    [0, 0, 1, 1],
  ]);
  expect([...nms(empty, Float32Array.of(1, 2, 3), { threshold: 0.5 })]).toEqual([2, 1, 0]);
  expect([...nms(empty, Float32Array.of(1, 2, 3), { threshold: 0.5, limit: 2 })]).toEqual([2, 1]);
  expect([...nms(new Float32Array(), new Float32Array(), { threshold: 0.5 })]).toEqual([]);
});

it('keeps more boxes of one class than it first has room for', () => {
  const boxes = flat(Array.from({ length: 300 }, (_, i) => [10 * i, 0, 10 * i + 5, 5]));
  expect(
    nms(
      boxes,
      Float32Array.from({ length: 300 }, (_, i) => -i),
      { threshold: 0.1 },
    ).length,
  ).toBe(300);
});

it('refuses lists of other lengths and what is no IoU', () => {
  expect(() => nms(new Float32Array(4), new Float32Array(1), { threshold: NaN })).toThrow(/threshold of NMS is NaN/);
  expect(() => nms(new Float32Array(7), new Float32Array(2), { threshold: 0.5 })).toThrow(
    /7 box coordinates and 2 classes for 2 scores/,
  );
  expect(() => nms(new Float32Array(8), new Float32Array(2), { threshold: 0.5, classes: [1] })).toThrow(
    /1 classes for 2 scores/,
  );
});

import type { ImageDetections } from '@kd/core';
import { expect } from 'vitest';
import type { OnnxResult } from './run-onnx.js';

/** Scores nearer than this are in one order here and in the other there: two runtimes round differently. */
const TIE = 5e-6;

/**
 * The same boxes in the same order, within 0.05 px and 2e-4.
 * @param least so many there have to be, or the test says little
 */
export function expectSame(found: Record<string, OnnxResult>, wanted: readonly ImageDetections[], least = 3): void {
  const all = wanted.flatMap(({ scores, labels, boxes }, image) =>
    Array.from(scores, (score, i) => ({ image, score, label: labels[i]!, box: [...boxes.slice(4 * i, 4 * i + 4)] })),
  );
  const { scores, labels, boxes, image } = found;
  expect(all.length).toBeGreaterThanOrEqual(least);
  expect(boxes!.dims).toEqual([all.length, 4]);
  expect(labels!.dims).toEqual([all.length]);
  expect(image === undefined).toBe(wanted.length === 1);
  const theirs = scores!.data.map((score, i) => ({
    image: image?.data[i] ?? 0,
    score,
    label: labels!.data[i]!,
    box: boxes!.data.slice(4 * i, 4 * i + 4),
  }));
  all.forEach((one, i) => {
    expect(Math.abs(theirs[i]!.score - one.score)).toBeLessThan(2e-4);
    const same = theirs.some(
      (other) =>
        (other === theirs[i] || Math.abs(other.score - one.score) < TIE) &&
        other.label === one.label &&
        other.image === one.image &&
        other.box.every((side, k) => Math.abs(side - one.box[k]!) < 0.05),
    );
    expect(same, `detection ${i}`).toBe(true);
  });
}

import { describe, expect, it } from 'vitest';
import { evaluateCoco } from './coco.js';
import type { CocoTable } from './coco-table.js';
import { evaluateVoc } from './voc.js';
import type { VocTable } from './voc-table.js';

const columns = { image: Int32Array.of(0), label: Int32Array.of(1), box: Float64Array.of(0, 0, 10, 10) };
const flags = { area: Float64Array.of(100), crowd: Uint8Array.of(0), difficult: Uint8Array.of(0) };
const table = (changes: object = {}, objects: object = {}, detections: object = {}) =>
  ({
    images: 1,
    classes: 2,
    objects: { ...columns, ...flags, ...objects },
    detections: { ...columns, score: Float64Array.of(0.5), ...detections },
    ...changes,
  }) as CocoTable & VocTable;

describe('a table of detections', () => {
  it('of whole rows is measured', () => {
    expect(evaluateCoco(table()).metrics['AP']).toBeCloseTo(1, 12);
    expect(evaluateVoc(table()).apAllPoint).toBe(1);
  });

  it.each([
    ['images of no number', table({ images: '1' }), /images is "1"/],
    ['a class too many', table({}, { label: Int32Array.of(2) }), /objects\.label\[0\] is 2 of 2 classes/],
    [
      'an image before the first',
      table({}, {}, { image: Int32Array.of(-1) }),
      /detections\.image\[0\] is -1 of 1 images/,
    ],
    [
      'a box cut off',
      table({}, {}, { box: Float64Array.of(0, 0, 10) }),
      /detections have 1 images, 1 labels and 3 values/,
    ],
    ['no score', table({}, {}, { score: new Float64Array(0) }), /score has 0 values for 1 rows/],
  ])('with %s is refused', (_, wrong, message) => {
    expect(() => evaluateCoco(wrong)).toThrow(message);
    expect(() => evaluateVoc(wrong)).toThrow(message);
  });

  it('is measured by options that are numbers', () => {
    expect(() => evaluateCoco(table(), { maxDetections: 10 as unknown as number[] })).toThrow(
      /maxDetections is 10; a list/,
    );
    for (const iou of ['x' as unknown as number, 2, NaN, -0.1])
      expect(() => evaluateVoc(table(), { iou })).toThrow(/^iou is/);
  });
});

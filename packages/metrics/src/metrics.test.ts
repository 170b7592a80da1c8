import {
  type Annotation,
  type Detector,
  type Dataset,
  evaluate,
  type GroundTruth,
  type HostBatch,
  type ImageDetections,
  type ImageRecord,
} from '@kd/core';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateCoco } from './coco.js';
import { cocoTable, type CocoDetection, type CocoInstances } from './coco-json.js';
import { cocoMetric } from './coco-metric.js';
import { evaluateVoc, evaluateVocAt } from './voc.js';
import { vocMetric } from './voc-metric.js';
import { vocTable } from './voc-table.js';
import { metricByName } from './metric-by-name.js';

const CATEGORIES = [
  { id: 7, name: 'cat' },
  { id: 0, name: 'dog' },
  { id: 90, name: 'bus' },
];

/** Boxes of whole and quarter pixels, so that single precision holds them. */
const box = fc
  .tuple(
    fc.integer({ min: 0, max: 1000 }),
    fc.integer({ min: 0, max: 1000 }),
    fc.integer({ min: 4, max: 400 }),
    fc.integer({ min: 4, max: 400 }),
  )
  .map(([x, y, w, h]): Annotation['box'] => [x / 4, y / 4, (x + w) / 4, (y + h) / 4]);
const object = fc.record({ box, label: fc.nat(2) });
const images = fc.array(fc.array(object, { maxLength: 6 }), { minLength: 1, maxLength: 6 });
const found = fc.array(fc.record({ box, label: fc.nat(2), score: fc.constantFrom(0.125, 0.25, 0.5, 0.75) }), {
  maxLength: 8,
});

function truthOf(rows: readonly (readonly { box: Annotation['box']; label: number }[])[]): GroundTruth {
  let id = 0;
  const records = rows.map(
    (objects, image): ImageRecord => ({
      id: 10 - image,
      file: `${image}.png`,
      width: 500,
      height: 500,
      annotations: objects.map(({ box: [x1, y1, x2, y2], label }) => ({
        id: id++,
        box: [x1, y1, x2, y2],
        label,
        area: (x2 - x1) * (y2 - y1),
        ignore: false,
      })),
    }),
  );
  return { categories: CATEGORIES, images: records };
}

const detectionsOf = (
  id: number | string,
  rows: readonly { box: readonly number[]; label: number; score: number }[],
): ImageDetections => ({
  id,
  boxes: Float32Array.from(rows.flatMap((row) => [...row.box])),
  scores: Float32Array.from(rows, (row) => row.score),
  labels: Int32Array.from(rows, (row) => row.label),
});

/** A data set whose loader leaves some of its images out. */
const dropping = (truth: GroundTruth, files: readonly string[]): Dataset => ({
  ...truth,
  name: 'dropping',
  loader: () => ({
    steps: truth.images.length,
    epoch: async function* () {
      for (const { id } of truth.images.filter(({ file }) => !files.includes(file)))
        yield { images: new Float32Array(3), shape: [1, 1, 1, 3], ids: [id] } as unknown as HostBatch;
    },
    stats: { waitedMs: 0, skipped: files.map((file) => ({ file, why: 'it is gone', times: 1 })) },
    close: async () => {},
  }),
});

/** A detector that finds what is there. */
const perfectOn = (truth: GroundTruth): Detector =>
  ({
    forward: () => ({}),
    detect: async (_: unknown, { ids }: HostBatch) =>
      ids.map((id) =>
        detectionsOf(
          id,
          truth.images.find((image) => image.id === id)!.annotations.map((one) => ({ ...one, score: 0.5 })),
        ),
      ),
  }) as unknown as Detector;

const metrics = [cocoMetric(), vocMetric(), vocMetric({ use07: false, iou: 0.7 })];

describe.each(metrics.map((metric, i) => [`${metric.name} ${i}`, metric] as const))('%s', (_, metric) => {
  test('perfect detections give 1, none give 0, classes without objects -1', () => {
    fc.assert(
      fc.property(images, (rows) => {
        // Two objects of a class with one box cannot be told apart; a detector would report one of them.
        fc.pre(rows.every((objects) => new Set(objects.map((one) => JSON.stringify(one))).size === objects.length));
        const truth = truthOf(rows);
        const some = rows.some((objects) => objects.length > 0);
        const perfect = truth.images.map((image) =>
          detectionsOf(
            image.id,
            image.annotations.map((one) => ({ box: one.box, label: one.label, score: 0.5 })),
          ),
        );
        const result = metric.evaluate(truth, perfect);
        expect(result.metrics['AP']).toBeCloseTo(some ? 1 : -1, 12);
        result.perClass.forEach(({ category, metrics: numbers }, label) => {
          expect(category).toBe(CATEGORIES[label]);
          expect(numbers['AP']).toBeCloseTo(rows.flat().some((one) => one.label === label) ? 1 : -1, 12);
        });
        expect(metric.evaluate(truth, []).metrics['AP']).toBe(some ? 0 : -1);
      }),
    );
  });

  test('neither the order of the images nor that of their detections matters', () => {
    fc.assert(
      fc.property(images, fc.array(found, { minLength: 6, maxLength: 6 }), (rows, detections) => {
        const truth = truthOf(rows);
        const results = truth.images.map((image, i) => detectionsOf(image.id, detections[i]!));
        const turned = { ...truth, images: truth.images.toReversed() };
        expect(metric.evaluate(turned, results.toReversed())).toEqual(metric.evaluate(truth, results));
      }),
    );
  });

  test('all numbers lie in [0, 1] or are -1', () => {
    fc.assert(
      fc.property(images, fc.array(found, { minLength: 6, maxLength: 6 }), (rows, detections) => {
        const truth = truthOf(rows);
        const { metrics: numbers } = metric.evaluate(
          truth,
          truth.images.map((image, i) => detectionsOf(image.id, detections[i]!)),
        );
        for (const value of Object.values(numbers))
          expect(value === -1 || (value >= 0 && value <= 1 + 1e-12)).toBe(true);
      }),
    );
  });

  test('images that could not be read count neither way', async () => {
    const truth = truthOf([[{ box: [0, 0, 100, 80], label: 1 }], [{ box: [5, 5, 50, 60], label: 0 }], []]);
    const { result } = await evaluate(perfectOn(truth), dropping(truth, ['1.png']), metric, {
      batchSize: 1,
      workers: 0,
      onBadImage: 'skip',
    });
    expect(result.metrics['AP']).toBeCloseTo(1, 12);
    expect(result.perClass.map(({ metrics: own }) => own['AP'])).toEqual([-1, expect.closeTo(1, 12), -1]);
    expect([result.images, result.skipped]).toEqual([2, [{ file: '1.png', why: 'it is gone', times: 1 }]]);
  });

  test('the primary figure is among the numbers', () =>
    expect(metric.evaluate(truthOf([[]]), []).metrics).toHaveProperty(metric.primary));

  test.each<[string, ImageDetections[], RegExp]>([
    ['an unknown image', [detectionsOf('x', [])], /image x, which the data set does not have/],
    ['an image twice', [detectionsOf(10, []), detectionsOf(10, [])], /image 10 has two sets/],
    [
      'a NaN score',
      [detectionsOf(10, [{ box: [0, 0, 1, 1], label: 0, score: NaN }])],
      /image 10: the score of detection 0 is NaN/,
    ],
    [
      'an infinite box',
      [detectionsOf(10, [{ box: [0, 0, Infinity, 1], label: 0, score: 1 }])],
      /image 10: box 0 has the corner Infinity/,
    ],
    [
      'a label out of range',
      [detectionsOf(10, [{ box: [0, 0, 1, 1], label: 3, score: 1 }])],
      /label of detection 0 is 3, but there are 3 classes/,
    ],
    [
      'columns of unequal length',
      [{ ...detectionsOf(10, []), scores: new Float32Array(2) }],
      /0 boxes, 2 scores and 0 labels/,
    ],
  ])('refuses %s', (_, detections, message) => {
    expect(() => metric.evaluate(truthOf([[]]), detections)).toThrow(message);
  });
});

describe('COCO', () => {
  const instances = (annotations: Partial<CocoInstances['annotations'][number]>[]): CocoInstances => ({
    images: [{ id: 0 }],
    categories: [{ id: 0 }],
    annotations: annotations.map((one) => ({ image_id: 0, category_id: 0, bbox: [0, 0, 40, 40], ...one })),
  });
  const detection = (score: number, bbox = [0, 0, 40, 40], category = 0): CocoDetection => ({
    image_id: 0,
    category_id: category,
    bbox,
    score,
  });

  test('ids of 0 are ids, and a missing area is that of the box', () => {
    const { metrics: numbers } = evaluateCoco(cocoTable(instances([{}]), [detection(0.9)]));
    expect(numbers['AP']).toBeCloseTo(1, 12);
    expect(numbers['APm']).toBeCloseTo(1, 12);
    expect(numbers['APs']).toBe(-1);
  });

  test('a second detection of an object is false, in a crowd it is none', () => {
    const twice = [detection(0.9), detection(0.8), detection(0.7, [100, 0, 40, 40])];
    const objects = [{}, { bbox: [100, 0, 40, 40] }];
    // Precision 1 up to recall 0.5 (51 samples), then 2/3 (50 samples).
    expect(evaluateCoco(cocoTable(instances(objects), twice)).metrics['AP']).toBeCloseTo((51 + 50 * (2 / 3)) / 101, 12);
    expect(evaluateCoco(cocoTable(instances([...objects, { iscrowd: 1 }]), twice)).metrics['AP']).toBeCloseTo(1, 12);
  });

  test('limits on detections are named after themselves', () => {
    const { metrics: numbers } = evaluateCoco(
      cocoTable(instances([{}]), [detection(0.9, [300, 0, 9, 9]), detection(0.8)]),
      { maxDetections: [1, 2] },
    );
    expect([numbers['AR1'], numbers['AR2'], Object.keys(numbers).length]).toEqual([0, 1, 11]);
    expect(() => evaluateCoco(cocoTable(instances([{}]), []), { maxDetections: [10, 1] })).toThrow(
      /\[10, 1\]; it must be ascending/,
    );
  });

  test('unknown categories are left out, unknown images and broken rows are refused', () => {
    expect(
      evaluateCoco(cocoTable(instances([{}]), [detection(0.95, [9, 9, 9, 9], 5), detection(0.9)])).metrics['AP'],
    ).toBeCloseTo(1, 12);
    expect(() => cocoTable(instances([{}]), [{ ...detection(1), image_id: 3 }])).toThrow(
      /result 0: there is no image 3/,
    );
    expect(() => cocoTable(instances([{}]), [detection(NaN)])).toThrow(/not four finite numbers/);
  });
});

describe('VOC', () => {
  const box4 = [0, 0, 9, 9];
  const table = (difficult: number, ...boxes: number[][]) =>
    vocTable({
      classes: ['cat'],
      objects: [{ image: 'a', class: 'cat', box: box4, difficult }],
      detections: boxes.map((one, i) => ({ image: 'a', class: 'cat', box: one, score: 1 - i / 10 })),
    });

  test('an IoU just at the threshold is not enough', () => {
    // 9 of 10 columns: IoU 0.9 with pixels, 8 / 9 without.
    expect(evaluateVoc(table(0, [0, 0, 8, 9]), { iou: 0.9, plusOne: true }).perClass[0]).toMatchObject({
      hits: 0,
      misses: 1,
    });
    expect(evaluateVoc(table(0, [0, 0, 8, 9]), { iou: 0.89, plusOne: true }).perClass[0]).toMatchObject({
      hits: 1,
      misses: 0,
    });
    expect(evaluateVoc(table(0, [0, 0, 8, 9]), { iou: 0.89 }).perClass[0]).toMatchObject({ hits: 0, misses: 1 });
  });

  test('a difficult object counts neither way', () => {
    expect(evaluateVoc(table(1, box4, box4)).perClass[0]).toEqual({
      objects: 0,
      hits: 0,
      misses: 0,
      ap11Point: -1,
      apAllPoint: -1,
    });
  });

  test('at several IoUs, each is what it is alone', () => {
    const several = table(0, [0, 0, 8, 9], [2, 0, 9, 9], box4);
    for (const [i, iou] of [0.3, 0.78, 0.9].entries())
      expect(evaluateVocAt(several, [0.3, 0.78, 0.9])[i]).toEqual(evaluateVoc(several, { iou }));
  });

  test('AP, AP50 and AP75 as areas and their mean over the IoUs, beside the 11 points of 2007', () => {
    const truth = truthOf([
      [
        { box: [0, 0, 10, 10], label: 0 },
        { box: [50, 0, 60, 10], label: 0 },
      ],
    ]);
    // The first overlaps by 0.825, the second not at all: one of two objects is found at the first seven IoUs, at 0.85
    // and above none.
    const found825 = [
      detectionsOf(truth.images[0]!.id, [
        { box: [0, 0, 10, 8.25], label: 0, score: 0.9 },
        { box: [200, 0, 210, 10], label: 0, score: 0.8 },
      ]),
    ];
    const { metrics: numbers, perClass } = vocMetric().evaluate(truth, found825);
    expect(Object.keys(numbers)).toEqual(['AP', 'AP50', 'AP75', 'AP50to95', 'AP11point', 'APallPoint']);
    expect(numbers).toEqual({
      AP: expect.closeTo(6 / 11, 12) as number,
      AP50: 0.5,
      AP75: 0.5,
      AP50to95: expect.closeTo(0.35, 12) as number,
      AP11point: expect.closeTo(6 / 11, 12) as number,
      APallPoint: 0.5,
    });
    expect(perClass[0]!.metrics).toEqual(numbers);
    expect(vocMetric({ use07: false, iou: 0.85 }).evaluate(truth, found825).metrics).toMatchObject({
      AP: 0,
      AP50: 0.5,
    });
  });

  test('an unknown class and an IoU out of range are refused', () => {
    expect(() =>
      vocTable({ classes: ['cat'], objects: [], detections: [{ image: 'a', class: 'dog', score: 1, box: box4 }] }),
    ).toThrow(/"dog" is not among cat/);
    expect(() => vocMetric({ iou: 1 })).toThrow(/metric "voc": .*\n {2}iou: must be less than 1; got 1$/);
  });
});

describe('metricByName', () => {
  // One object, a hit by 0.6 of IoU behind a miss in each of two images.
  const object: Annotation['box'] = [0, 0, 100, 100];
  const truth = truthOf([[{ box: object, label: 0 }], [{ box: object, label: 0 }]]);
  const detections = truth.images.map(({ id }, i) =>
    detectionsOf(id, [
      { box: [200, 200, 300, 300], label: 0, score: 0.5 },
      { box: [0, 0, 100, 60], label: 0, score: 0.25 - i / 8 },
    ]),
  );
  const ap = (name: string, options?: Record<string, unknown>): number =>
    metricByName(name, options).evaluate(truth, detections).metrics['AP']!;

  test('takes options, and says all of them, so that the metric can be made again', () => {
    // Precision 1/3 and 2/4 at the two hits: 1/2 everywhere; three thresholds (0.5, 0.55, 0.6) of ten count.
    expect(ap('coco')).toBeCloseTo(0.3 * 0.5, 12);
    expect(ap('coco', { maxDetections: [1] })).toBe(0);
    expect([ap('voc'), ap('voc07')]).toEqual([expect.closeTo(0.5, 12), expect.closeTo(0.5, 12)]);
    expect(ap('voc', { iou: 0.7 })).toBe(0);
    for (const [name, options, all] of [
      ['coco', {}, { maxDetections: [1, 10, 100] }],
      ['coco', { maxDetections: [1, 2] }, { maxDetections: [1, 2] }],
      ['voc', { iou: 0.7 }, { use07: false, iou: 0.7 }],
      ['voc07', {}, { iou: 0.5 }],
    ] as const) {
      const metric = metricByName(name, options);
      expect([metric.name, metric.options]).toEqual([name, all]);
    }
    expect(vocMetric().options).toEqual({ use07: true, iou: 0.5 });
  });

  test('refuses what it does not know', () => {
    expect(() => metricByName('toString')).toThrow(/no metric "toString"; there are coco, voc07, voc/);
    let deep: unknown = [];
    for (let i = 0; i < 500_000; i++) deep = [deep];
    expect(() => metricByName(deep as string)).toThrow(/no metric a list nested too deep to show/);
    expect(() => metricByName('coco', { maxDetection: [1] })).toThrow(/metric "coco": .*maxDetection/s);
    expect(() => metricByName('coco', { maxDetections: [10, 1] })).toThrow(/must be ascending/);
    expect(() => metricByName('voc07', { use07: false })).toThrow(/use07/);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cocoTable,
  evaluateCoco,
  evaluateVoc,
  IOU_THRESHOLDS,
  RECALL_SAMPLES,
  vocTable,
  type CocoDetection,
  type CocoInstances,
  type VocRows,
} from '@kd/metrics';
import { expect, test } from 'vitest';
import { casesOf, describeGolden, expectClose, expectEqual, only, readWhole } from './support/index.js';

interface CocoParams {
  readonly iouThrs: number[];
  readonly recThrs: number[];
  readonly areaRng: number[][];
  readonly areaRngLbl: string[];
  readonly maxDets: number[];
}

interface CocoSet {
  readonly name: string;
  readonly gt: string;
  readonly dt: string;
  readonly images: number;
  readonly objects: number;
  readonly detections: number;
  readonly max_dets: readonly number[];
  /** In pycocotools' order; the keys AR1, AR10, AR100 stand for the three of `max_dets`. */
  readonly stats: Readonly<Record<string, number>>;
  readonly per_class: readonly ({ readonly category_id: number } & Readonly<Record<string, number>>)[];
  readonly AP_per_iou: readonly number[];
}

interface VocSet {
  readonly name: string;
  readonly file: string;
  readonly objects: number;
  readonly detections: number;
  readonly results: Readonly<
    Record<
      string,
      {
        readonly iou_threshold: number;
        readonly plus_one: boolean;
        readonly map_11point: number | null;
        readonly map_all_point: number | null;
        readonly per_class: readonly {
          readonly class: string;
          readonly npos: number;
          readonly tp: number;
          readonly fp: number;
          readonly ap_11point: number | null;
          readonly ap_all_point: number | null;
        }[];
      }
    >
  >;
}

const TOLERANCE = 1e-9;
const close = (actual: number | undefined, expected: number | null, what: string): void =>
  expectClose([actual!], [expected ?? -1], TOLERANCE, what);

describeGolden('eval', (area) => {
  const json = <T>(file: string): T => JSON.parse(readFileSync(join(area.folder, file), 'utf8')) as T;

  test('the thresholds, to the bit, and the ranges of areas', () =>
    readWhole(area.index['coco_params'] as CocoParams, (params) => {
      expectEqual(IOU_THRESHOLDS, params.iouThrs, 'IoU thresholds');
      expectEqual(RECALL_SAMPLES, params.recThrs, 'recall samples');
      only(
        'areaRng',
        params.areaRng,
        [0, 0, 1024, 9216].map((low, i) => [low, [1e10, 1024, 9216, 1e10][i]]),
      );
      only('areaRngLbl', params.areaRngLbl, ['all', 'small', 'medium', 'large']);
      only('maxDets', params.maxDets, [1, 10, 100]);
    }));

  for (const set of casesOf<CocoSet>(area, 'coco')) {
    test(`coco ${set.name}`, () =>
      readWhole(set, (set) => {
        const instances = json<CocoInstances>(set.gt);
        const detections = json<CocoDetection[]>(set.dt);
        expect([instances.images.length, instances.annotations.length, detections.length]).toEqual([
          set.images,
          set.objects,
          set.detections,
        ]);
        const result = evaluateCoco(cocoTable(instances, detections), { maxDetections: set.max_dets });
        const ours = (key: string): string =>
          key.replace(/^AR(1|10|100)$/, (_, limit: string) => `AR${set.max_dets[[1, 10, 100].indexOf(Number(limit))]}`);
        expect(Object.keys(set.stats)).toHaveLength(12);
        for (const [key, value] of Object.entries(set.stats)) {
          // The reference prints its first number for 100 detections, whatever the limits are, and -1 where that is
          // none of them.
          const expected = key === 'AP' && set.max_dets.at(-1) !== 100 ? mean(set.AP_per_iou) : value;
          close(result.metrics[ours(key)], expected, key);
        }
        expectClose(result.perIou, set.AP_per_iou, TOLERANCE, 'AP per IoU');
        const categories = instances.categories.map(({ id }) => id).sort((a, b) => a - b);
        expect(set.per_class.map((row) => row.category_id)).toEqual(categories);
        set.per_class.forEach(({ category_id: id, ...numbers }, label) => {
          for (const [key, value] of Object.entries(numbers))
            close(result.perClass[label]![ours(key)], value, `class ${id}: ${key}`);
        });
      }));
  }

  for (const set of casesOf<VocSet>(area, 'voc')) {
    test(`voc ${set.name}: objects and detections`, () =>
      readWhole(
        set,
        ({ file, objects, detections }) => {
          const rows = json<VocRows>(file);
          expect([rows.objects.length, rows.detections.length]).toEqual([objects, detections]);
        },
        ['results'],
      ));
    for (const [setting, expected] of Object.entries(set.results)) {
      test(`voc ${set.name}, ${setting}`, () =>
        readWhole(expected, (expected) => {
          const rows = json<VocRows>(set.file);
          const result = evaluateVoc(vocTable(rows), { iou: expected.iou_threshold, plusOne: expected.plus_one });
          close(result.ap11Point, expected.map_11point, 'mean of 11-point AP');
          close(result.apAllPoint, expected.map_all_point, 'mean of all-point AP');
          expect(expected.per_class.map((row) => row.class)).toEqual(rows.classes);
          expected.per_class.forEach((row, label) => {
            const ours = result.perClass[label]!;
            expect([ours.objects, ours.hits, ours.misses], row.class).toEqual([row.npos, row.tp, row.fp]);
            close(ours.ap11Point, row.ap_11point, `${row.class}: 11-point AP`);
            close(ours.apAllPoint, row.ap_all_point, `${row.class}: all-point AP`);
          });
        }));
    }
  }
});

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

import { checkMembers, KdError, shown } from '@kd/core';
import { checkTable } from './check-table.js';
import { averagePrecision, hitsOf, recall } from './coco-accumulate.js';
import type { MatchRules } from './coco-match.js';
import { matchClasses } from './coco-classes.js';
import type { CocoTable } from './coco-table.js';

/** 0.5, 0.55, … 0.95 as `linspace` gives them: one of them is 0.8999999999999999. */
export const IOU_THRESHOLDS = Float64Array.from({ length: 10 }, (_, i) =>
  i === 9 ? 0.95 : 0.5 + i * ((0.95 - 0.5) / 9),
);

/** Square pixels, both ends inside: all, small, medium, large. */
export const AREA_RANGES = [
  [0, 1e10],
  [0, 32 ** 2],
  [32 ** 2, 96 ** 2],
  [96 ** 2, 1e10],
] as const;
const AREA_SUFFIXES = ['', 's', 'm', 'l'] as const;

export interface CocoOptions {
  /** How many detections of an image and class count, ascending; AP uses the last. Default [1, 10, 100]. */
  readonly maxDetections?: readonly number[];
}

export interface CocoResult {
  /**
   * AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100 (by `maxDetections`), ARs, ARm, ARl; -1 where there is nothing to
   * average.
   */
  readonly metrics: Readonly<Record<string, number>>;
  /** The same numbers of each class. */
  readonly perClass: readonly Readonly<Record<string, number>>[];
  /** AP over all areas at each of {@link IOU_THRESHOLDS}. */
  readonly perIou: readonly number[];
}

/**
 * Average precision and recall of boxes by the rules of the COCO challenge. Equal scores keep the order of the table.
 * @throws KdError USAGE for limits that are not ascending counts, and for rows of no image or class
 */
export function evaluateCoco(table: CocoTable, options: CocoOptions = {}): CocoResult {
  checkMembers(options, {}, 'the options of evaluateCoco', 'USAGE');
  const limits = options.maxDetections ?? [1, 10, 100];
  if (!Array.isArray(limits))
    throw new KdError('USAGE', `maxDetections is ${shown(limits)}; a list is wanted, e.g. [1, 10, 100].`);
  checkTable(table);
  if (limits.length === 0 || !limits.every((limit, i) => Number.isInteger(limit) && limit > (limits[i - 1] ?? 0))) {
    throw new KdError(
      'USAGE',
      `maxDetections is [${limits.join(', ')}]; it must be ascending counts, e.g. [1, 10, 100].`,
    );
  }
  const last = limits.at(-1)!;
  const rules: MatchRules = { thresholds: IOU_THRESHOLDS, areas: AREA_RANGES, maxDetections: last };
  const thresholds = IOU_THRESHOLDS.length;
  const scratch = hitsOf(table.objects.image.length);

  const perClass: Record<string, number>[] = [];
  // [classes with objects][thresholds]
  const apRows: number[][] = [];
  for (const { match } of matchClasses(table, rules)) {
    const numbers: Record<string, number> = {};
    AREA_SUFFIXES.forEach((suffix, area) => {
      const positives = match.positives[area]!;
      const each = (value: (offset: number) => number): number[] =>
        positives === 0
          ? []
          : Array.from({ length: thresholds }, (_, t) => value((area * thresholds + t) * match.count));
      const ap = each((offset) => averagePrecision(match, offset, positives, last, scratch));
      numbers[`AP${suffix}`] = mean(ap);
      if (area === 0) {
        numbers['AP50'] = ap[0] ?? -1;
        numbers['AP75'] = ap[5] ?? -1;
        if (positives > 0) apRows.push(ap);
        for (const limit of limits)
          numbers[`AR${limit}`] = mean(each((offset) => recall(match, offset, positives, limit)));
      } else {
        numbers[`AR${suffix}`] = mean(each((offset) => recall(match, offset, positives, last)));
      }
    });
    perClass.push(numbers);
  }

  const names = [
    'AP',
    'AP50',
    'AP75',
    'APs',
    'APm',
    'APl',
    ...limits.map((limit) => `AR${limit}`),
    'ARs',
    'ARm',
    'ARl',
  ];
  const pick = (numbers: Record<string, number>): Record<string, number> =>
    Object.fromEntries(names.map((name) => [name, numbers[name]!]));
  // Every class that counts has as many thresholds as the next, so the mean of its means is the mean of all.
  const metrics = Object.fromEntries(
    names.map((name) => [name, mean(perClass.map((numbers) => numbers[name]!).filter((value) => value > -1))]),
  );
  return {
    metrics,
    perClass: perClass.map(pick),
    perIou: Array.from(IOU_THRESHOLDS, (_, t) => mean(apRows.map((row) => row[t]!))),
  };
}

/** -1 of nothing. */
export const mean = (values: readonly number[]): number =>
  values.length === 0 ? -1 : values.reduce((sum, value) => sum + value, 0) / values.length;

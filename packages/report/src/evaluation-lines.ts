import type { Evaluation, Metric, MetricResult } from '@kd/core';
import { averagePrecision } from './figures.js';

/** `AP 41.2  AP50 67.0  …` in one line. */
export function metricsLine(
  metrics: MetricResult['metrics'],
  names: readonly string[] = Object.keys(metrics).slice(0, 3),
): string {
  return names.map((name) => `${name} ${averagePrecision(metrics[name])}`).join('  ');
}

/** Rows of cells as lines of columns: the first `left` of them to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[], left = 1): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column < left ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** `voc (use07 false, iou 0.5)` */
export const metricWords = ({ name, options = {} }: Pick<Metric, 'name' | 'options'>): string => {
  const words = Object.entries(options).map(([key, value]) => `${key} ${[value].flat().join(', ')}`);
  return words.length === 0 ? name : `${name} (${words.join('; ')})`;
};

/** `10 of 20 images, 10 skipped`, or `20 images`. */
export const evaluatedImages = ({ images, skipped }: Pick<Evaluation, 'images' | 'skipped'>): string =>
  skipped.length === 0
    ? `${images} ${images === 1 ? 'image' : 'images'}`
    : `${images} of ${images + skipped.length} images, ${skipped.length} skipped`;

/** An evaluation as two tables, in percent: the metrics over all classes, then per class; then what was skipped. */
export const evaluationLines = (evaluation: Evaluation): string[] => [
  ...metricTables(evaluation),
  ...skippedLines(evaluation),
];

/** Names of skipped images that are listed; the others are counted. */
const LISTED = 10;

function skippedLines({ images, skipped }: Evaluation): string[] {
  if (skipped.length === 0) return [];
  return [
    '',
    `measured on ${images} of ${images + skipped.length} images; ${skipped.length} could not be read, and their objects do not count:`,
    ...skipped.slice(0, LISTED).map(({ file, why }) => `  ${file}: ${why}`),
    ...(skipped.length > LISTED ? [`  and ${skipped.length - LISTED} more`] : []),
  ];
}

function metricTables({ metrics, perClass }: MetricResult): string[] {
  const overall = columns(Object.entries(metrics).map(([name, value]) => [name, averagePrecision(value)]));
  const names = Object.keys(perClass[0]?.metrics ?? {});
  if (names.length === 0) return overall;
  return [
    ...overall,
    '',
    ...columns([
      ['class', ...names],
      ...perClass.map((one) => [one.category.name, ...names.map((name) => averagePrecision(one.metrics[name]))]),
    ]),
  ];
}

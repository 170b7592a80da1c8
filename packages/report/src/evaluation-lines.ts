import type { MetricResult } from '@kd/core';
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

/** An evaluation as two tables, in percent: the metrics over all classes, then per class. */
export function evaluationLines({ metrics, perClass }: MetricResult): string[] {
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

import type { Figures, RunRecord } from '@kd/report/page';
import type { RunFigures } from './run-figures.js';
import { mean } from './statistics.js';

/** The curves of each variant: means over its seeds, at the steps that all of them have. */
export function variantCurves(figures: readonly Pick<RunFigures, 'run' | 'record'>[]): RunRecord[] {
  const variants = [...new Set(figures.flatMap(({ run }) => run.variant ?? []))];
  return variants.flatMap((variant) => {
    const own = figures.flatMap(({ run, record }) => (run.variant === variant ? (record ?? []) : []));
    return own.length === 0 ? [] : [meanRecord(variant, own)];
  });
}

export function meanRecord(name: string, records: readonly RunRecord[]): RunRecord {
  const lines = <Line extends { readonly step: number }>(of: (record: RunRecord) => readonly Line[]): Line[][] =>
    of(records[0]!).flatMap(({ step }) => {
      const same = records.flatMap((record) => of(record).find((line) => line.step === step) ?? []);
      return same.length === records.length ? [same] : [];
    });
  return {
    ...records[0]!,
    name,
    logs: lines(({ logs }) => logs).map((same) => ({
      ...same[0]!,
      total: mean(same.map(({ total }) => total)),
      terms: meanFigures(same.map(({ terms }) => terms)),
    })),
    evaluations: lines(({ evaluations }) => evaluations).map((same) => ({
      ...same[0]!,
      metrics: meanFigures(same.map(({ metrics }) => metrics)),
    })),
  };
}

/** Null where one of them has nothing. */
const meanFigures = (all: readonly Figures[]): Figures =>
  Object.fromEntries(
    Object.keys(all[0]!).map((name) => {
      const values = all.map((figures) => figures[name] ?? null);
      return [name, values.some((value) => value === null || value === -1) ? null : mean(values as number[])];
    }),
  );

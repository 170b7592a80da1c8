import { join } from 'node:path';
import { type Figures, readRun, type RunRecord } from '@kd/report/page';
import { mean } from './statistics.js';
import type { StudyRun } from './study-runs.js';

/** The curves of each variant: means over its seeds, at the steps that all of them have. */
export async function variantCurves(runs: readonly StudyRun[], folder: string): Promise<RunRecord[]> {
  const variants = [...new Set(runs.flatMap(({ variant }) => variant ?? []))];
  return Promise.all(
    variants.map(async (variant) => {
      const own = runs.filter((run) => run.variant === variant);
      return meanRecord(variant, await Promise.all(own.map(({ name }) => readRun(join(folder, name)))));
    }),
  );
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

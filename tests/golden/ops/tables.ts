import { learningRateFactor, type ScheduleOptions } from '@kd/core';
import { resizedSize } from '@kd/data';
import { expect, test } from 'vitest';

type Table = Readonly<Record<string, unknown>>;

/** Learning rates are listed with 12 digits. */
const DIGITS = 1e-10;

function expectRates(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((rate, i) => expect(Math.abs(rate - expected[i]!), `rate ${i}: ${rate}, expected ${expected[i]}`).toBeLessThanOrEqual(DIGITS * Math.abs(expected[i]!)));
}

function referenceRecipe(table: Table): void {
  const { lr, milestones, gamma, epochs, iters_per_epoch: perEpoch, warmup_iters, warmup_factor: factor, lrs } = table as unknown as {
    lr: number; milestones: number[]; gamma: number; epochs: number; iters_per_epoch: number; warmup_iters: number; warmup_factor: number; lrs: number[];
  };
  const options: ScheduleOptions = { kind: 'step', milestones, gamma, warmup: { steps: Math.min(warmup_iters, perEpoch - 1), factor } };
  const steps = epochs * perEpoch;
  const rates = Array.from({ length: steps }, (_, step) => lr * learningRateFactor(options, { step, steps, epoch: Math.floor(step / perEpoch), epochs }));
  expectRates(rates, lrs);
}

function cosine(table: Table): void {
  const { lr, T_max: epochs, eta_min, lrs } = table as unknown as { lr: number; T_max: number; eta_min: number; lrs: number[] };
  const options: ScheduleOptions = { kind: 'cosine', by: 'epoch', floor: eta_min / lr };
  const rates = lrs.map((_, epoch) => lr * learningRateFactor(options, { step: epoch, steps: lrs.length, epoch, epochs }));
  expectRates(rates, lrs);
}

interface SizeRow {
  readonly h: number;
  readonly w: number;
  readonly min_size: number;
  readonly max_size: number;
  readonly out_h: number;
  readonly out_w: number;
}

function resizeSizes({ rows }: Table): void {
  expect((rows as SizeRow[]).length).toBeGreaterThan(0);
  for (const { h, w, min_size, max_size, out_h, out_w } of rows as SizeRow[]) {
    expect(resizedSize(h, w, min_size, max_size), `${h} x ${w} at ${min_size}, ${max_size}`).toEqual([out_h, out_w]);
  }
}

const built: Readonly<Record<string, (table: Table) => void>> = { resize_sizes: resizeSizes, lr_reference_recipe: referenceRecipe, lr_cosine: cosine };

/** What golden folders list and @kd has not yet. */
const notBuiltYet: readonly string[] = ['sampler_counts'];

/** One test a table of the index; a table that nobody knows fails. */
export function checkTables(tables: Table): void {
  for (const [name, table] of Object.entries(tables)) {
    if (notBuiltYet.includes(name)) test.skip(`${name} (table is not built yet)`, () => {});
    else test(name, () => (built[name] ? built[name](table as Table) : expect.fail(`table "${name}" is unknown: add its test, or list it in notBuiltYet (tests/golden/ops/tables.ts).`)));
  }
}

import { createStepRng, learningRateFactor, type ScheduleOptions } from '@kd/core';
import { resizedSize } from '@kd/data';
import { randomRows } from '@kd/detector-faster-rcnn';
import { readWhole, scoped } from '../support/index.js';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

type Table = Readonly<Record<string, unknown>>;

/** Learning rates are listed with 12 digits. */
const DIGITS = 1e-10;

function expectRates(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((rate, i) =>
    expect(Math.abs(rate - expected[i]!), `rate ${i}: ${rate}, expected ${expected[i]}`).toBeLessThanOrEqual(
      DIGITS * Math.abs(expected[i]!),
    ),
  );
}

function referenceRecipe(table: Table): void {
  const {
    lr,
    milestones,
    gamma,
    epochs,
    iters_per_epoch: perEpoch,
    warmup_iters,
    warmup_factor: factor,
    lrs,
  } = table as unknown as {
    lr: number;
    milestones: number[];
    gamma: number;
    epochs: number;
    iters_per_epoch: number;
    warmup_iters: number;
    warmup_factor: number;
    lrs: number[];
  };
  const options: ScheduleOptions = {
    kind: 'step',
    milestones,
    gamma,
    warmup: { steps: Math.min(warmup_iters, perEpoch - 1), factor },
  };
  const steps = epochs * perEpoch;
  const rates = Array.from(
    { length: steps },
    (_, step) => lr * learningRateFactor(options, { step, steps, epoch: Math.floor(step / perEpoch), epochs }),
  );
  expectRates(rates, lrs);
}

function cosine(table: Table): void {
  const {
    lr,
    T_max: epochs,
    eta_min,
    lrs,
  } = table as unknown as { lr: number; T_max: number; eta_min: number; lrs: number[] };
  const options: ScheduleOptions = { kind: 'cosine', by: 'epoch', floor: eta_min / lr };
  const rates = lrs.map(
    (_, epoch) => lr * learningRateFactor(options, { step: epoch, steps: lrs.length, epoch, epochs }),
  );
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

interface SamplerRow {
  readonly positives: number;
  readonly negatives: number;
  readonly batch_size_per_image: number;
  readonly positive_fraction: number;
  readonly sampled_pos: number;
  readonly sampled_neg: number;
}

async function samplerCounts({ rows }: Table): Promise<void> {
  expect((rows as SamplerRow[]).length).toBeGreaterThan(0);
  for (const {
    positives,
    negatives,
    batch_size_per_image: batchSize,
    positive_fraction: positiveFraction,
    sampled_pos,
    sampled_neg,
  } of rows as SamplerRow[]) {
    const drawn = await scoped(async () => {
      const positive = tf.tensor2d(
        [...Array<number>(positives).fill(1), ...Array<number>(negatives).fill(0)],
        [1, positives + negatives],
        'bool',
      );
      const candidates = { positive, negative: tf.logicalNot(positive) };
      return [...(await randomRows('rpn', candidates, { batchSize, positiveFraction }, createStepRng(0)).data())];
    });
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
    expect(
      [sum(drawn.slice(0, positives)), sum(drawn.slice(positives))],
      `${positives} positives, ${negatives} negatives, ${batchSize} at ${positiveFraction}`,
    ).toEqual([sampled_pos, sampled_neg]);
  }
}

const built: Readonly<Record<string, (table: Table) => void | Promise<void>>> = {
  resize_sizes: resizeSizes,
  lr_reference_recipe: referenceRecipe,
  lr_cosine: cosine,
  sampler_counts: samplerCounts,
};

/** One test a table of the index; a table that nobody knows fails. */
export function checkTables(tables: Table): void {
  for (const [name, table] of Object.entries(tables)) {
    test(name, () =>
      built[name]
        ? // The length of the other schedule is told here, too.
          readWhole(table as Table, built[name], name === 'lr_reference_recipe' ? ['cosine_epochs'] : [])
        : expect.fail(`table "${name}" is unknown: add its test (tests/golden/ops/tables.ts).`),
    );
  }
}

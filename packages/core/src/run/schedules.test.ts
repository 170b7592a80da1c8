import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { learningRateFactor } from './schedules.js';

interface Tables {
  readonly lr_reference_recipe: {
    readonly lr: number;
    readonly milestones: number[];
    readonly gamma: number;
    readonly epochs: number;
    readonly iters_per_epoch: number;
    readonly warmup_iters: number;
    readonly warmup_factor: number;
    readonly lrs: number[];
  };
  readonly lr_cosine: { readonly lr: number; readonly T_max: number; readonly lrs: number[] };
}
const { tables } = JSON.parse(
  readFileSync(new URL('../../../../tests/golden/data/ops/index.json', import.meta.url), 'utf8'),
) as { tables: Tables };

describe('learningRateFactor', () => {
  it("gives the rates of torchvision's reference recipe: warm-up by step, milestones by epoch", () => {
    const {
      lr,
      milestones,
      gamma,
      epochs,
      iters_per_epoch: iterations,
      warmup_iters,
      warmup_factor: factor,
      lrs,
    } = tables.lr_reference_recipe;
    expect(lrs).toHaveLength(epochs * iterations);
    // The reference script warms up within the first epoch at most.
    const warmup = { steps: Math.min(warmup_iters, iterations - 1), factor };
    lrs.forEach((expected, step) => {
      const rate =
        lr *
        learningRateFactor(
          { kind: 'step', milestones, gamma, warmup },
          { step, steps: lrs.length, epoch: Math.floor(step / iterations), epochs },
        );
      expect(Math.abs(rate - expected)).toBeLessThanOrEqual(1e-11 * lr);
    });
  });

  it("gives the rates of torch's cosine annealing by epoch", () => {
    const { lr, T_max: epochs, lrs } = tables.lr_cosine;
    lrs.forEach((expected, epoch) => {
      expect(
        Math.abs(
          lr *
            learningRateFactor({ kind: 'cosine', by: 'epoch' }, { step: epoch * 3, steps: epochs * 3, epoch, epochs }) -
            expected,
        ),
      ).toBeLessThanOrEqual(1e-11 * lr);
    });
  });

  it('falls at every step by default with cosine, down to the floor', () => {
    const rates = Array.from({ length: 11 }, (_, step) =>
      learningRateFactor({ kind: 'cosine', floor: 0.1 }, { step, steps: 10, epoch: 0, epochs: 1 }),
    );
    expect(rates[0]).toBe(1);
    expect(rates[10]).toBeCloseTo(0.1, 12);
    for (let i = 1; i < rates.length; i++) expect(rates[i]).toBeLessThan(rates[i - 1]!);
  });

  it('reaches milestones inside of an epoch when asked to go by step', () => {
    const at = (step: number) =>
      learningRateFactor(
        { kind: 'step', milestones: [1], by: 'step', gamma: 0.5 },
        { step, steps: 8, epoch: 0, epochs: 2 },
      );
    expect([at(3), at(4)]).toEqual([1, 0.5]);
  });
});

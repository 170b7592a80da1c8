import { isObject } from '@kd/core';
import { median } from '@kd/report';

/** What a run takes, in seconds. */
export interface RunTime {
  readonly setUp: number;
  readonly epoch: number;
}

export interface Budget {
  readonly minutes: number;
  readonly seeds: readonly number[];
  readonly epochs: number;
}

const isCount = (value: unknown, least: number): boolean => Number.isSafeInteger(value) && (value as number) >= least;

/** Whether what a file holds is one. */
export const isBudget = (value: unknown): value is Budget =>
  isObject(value) &&
  isCount(value['minutes'], 1) &&
  isCount(value['epochs'], 1) &&
  Array.isArray(value['seeds']) &&
  value['seeds'].length > 0 &&
  value['seeds'].every((seed) => isCount(seed, 0));

export interface Fitted {
  readonly seeds: number;
  readonly epochs: number;
  /** That they will take. */
  readonly seconds: number;
}

/**
 * How much of a study fits into a time: all epochs for as many seeds as possible, two at least, since one says nothing
 * of chance; else fewer epochs for two seeds, else for one.
 * @param times of each variant
 * @returns null where not even an epoch of each with one seed fits
 */
export function fit(
  seconds: number,
  times: readonly RunTime[],
  { seeds, epochs }: { readonly seeds: number; readonly epochs: number },
): Fitted | null {
  const takes = (n: number, e: number): number =>
    n * times.reduce((sum, { setUp, epoch }) => sum + setUp + e * epoch, 0);
  const least = Math.min(2, seeds);
  for (let n = seeds; n >= least; n--)
    if (takes(n, epochs) <= seconds) return { seeds: n, epochs, seconds: takes(n, epochs) };
  for (let n = least; n >= 1; n--)
    for (let e = epochs; e >= 1; e--) if (takes(n, e) <= seconds) return { seeds: n, epochs: e, seconds: takes(n, e) };
  return null;
}

/** How many times faster all is at most: more jobs than runs or cores do nothing for it. */
export const sideBySide = (jobs: number, { runs, cores }: { readonly runs: number; readonly cores: number }): number =>
  Math.min(jobs, runs, cores);

/** What the plan of a run says of its time: of it no more is read. */
export interface PlanTimes {
  readonly data: { readonly train: { readonly images: number }; readonly val: { readonly images: number } | null };
  readonly distillers: readonly {
    readonly pass: {
      readonly times: number;
      readonly measured: { readonly images: number; readonly seconds: number } | null;
    } | null;
  }[];
  readonly training: {
    readonly epochs: number;
    readonly stepsPerEpoch: number;
    readonly batchSize: number;
    readonly evaluate: { readonly every: number };
  };
  readonly measured: { readonly steps: readonly { readonly seconds: number }[] } | null;
}

/**
 * The time of a run from its plan. An evaluation is not measured: a forward pass is about a third of a training step.
 * @param wall seconds that the plan itself took: what is no step of it is setting up
 */
export function runTime({ data, distillers, training, measured }: PlanTimes, wall: number): RunTime {
  const steps = measured!.steps.map(({ seconds }) => seconds);
  const step = median(steps.length > 1 ? steps.slice(1) : steps)!;
  const passes = distillers.flatMap(({ pass }) => (pass?.measured ? [{ ...pass, measured: pass.measured }] : []));
  const passing = passes.reduce(
    (sum, { times, measured: { images, seconds } }) => sum + (times * seconds * data.train.images) / images,
    0,
  );
  const evaluation = (((data.val?.images ?? 0) / training.batchSize) * step) / 3;
  const { every } = training.evaluate;
  const measuring = [...steps, ...passes.map((pass) => pass.measured.seconds)].reduce((sum, one) => sum + one, 0);
  return {
    setUp: Math.max(0, wall - measuring) + (every === 0 ? evaluation : 0),
    epoch: training.stepsPerEpoch * step + passing / training.epochs + (every === 0 ? 0 : evaluation / every),
  };
}

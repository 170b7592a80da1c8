import { definePlugin, type StepView, type TapPair } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

/**
 * What a step holds of the weights, and the terms of others that follow from them, summed up cell by cell and row by
 * row in float64.
 */
export interface ByHand {
  /** [level][image][instance] of the rows that hold an instance; null where no plugin fills the channel. */
  readonly weights: { readonly levels: number[][][]; readonly response: number[][] } | null;
  readonly neckForeground: number;
  readonly neckBackground: number;
  /** Of the loss softmax on positives. */
  readonly positives: number;
  /** Of the loss qfl on all priors. */
  readonly priors: number;
}

const [FOREGROUND, BACKGROUND, TEMPERATURE, POSITIVES, EPSILON] = [3, 12, 2, 10, 2 ** -23];

/** A distiller without a term that looks at every step. */
export const byHand = (finest: number, seen: (step: ByHand) => void) =>
  definePlugin({
    name: 'by-hand',
    apiVersion: 1,
    options: v.strictObject({}),
    requires: {},
    create: () => {
      let pairs: readonly TapPair[] = [];
      return {
        featureTap: (requests) => void (pairs = requests.pair('neck@*')),
        lossCompose: (step) => {
          seen(look(step, pairs, finest));
          return {};
        },
      };
    },
  })();

function look(step: StepView, pairs: readonly TapPair[], finest: number): ByHand {
  const { instances, assignment, targets } = step;
  const channel = step.weights.get();
  const mask = instances.mask.arraySync();
  const matched = instances.matched.arraySync();
  const there = (x: tf.Tensor2D): number[][] => x.arraySync().map((row, b) => row.filter((_, i) => mask[b]![i] === 1));
  const response = channel === null ? mask.map((row) => row.map(() => 1)) : channel.response.arraySync();

  /** The mean weight of the instances that answer for an object, 1 without any. */
  const objectWeight = (level: number, b: number, object: number): number => {
    if (channel === null) return 1;
    const own = channel.levels[level]!.arraySync()[b]!.filter((_, i) => matched[b]![i] === object);
    return own.length === 0 ? 1 : own.reduce((sum, w) => sum + w, 0) / own.length;
  };
  const neck = pairs.map((pair, level) => {
    const map = step.teacher.tap(pair.teacher);
    const [images, height, width, channels] = map.shape;
    const [s, t] = [step.student.tap(pair.student).dataSync(), map.dataSync()];
    const sums = { foreground: 0, weight: 0, background: 0, cells: 0 };
    for (let b = 0; b < images; b++) {
      const value = boxMask(
        targets.boxes.arraySync()[b]!.filter((_, g) => targets.mask.arraySync()[b]![g] === 1),
        {
          level,
          levels: pairs.length,
          finest,
          stride: pair.stride,
          height,
          width,
          weight: (g) => objectWeight(level, b, g),
        },
      );
      for (let cell = 0; cell < height * width; cell++) {
        let error = 0;
        for (let c = 0; c < channels; c++)
          error +=
            (s[(b * height * width + cell) * channels + c]! - t[(b * height * width + cell) * channels + c]!) ** 2;
        const weight = value[cell];
        if (weight === undefined) [sums.background, sums.cells] = [sums.background + error, sums.cells + 1];
        else [sums.foreground, sums.weight] = [sums.foreground + weight * error, sums.weight + weight];
      }
    }
    return {
      foreground: sums.foreground / Math.max(1, 2 * channels * sums.weight),
      background: sums.background / Math.max(1, 2 * channels * sums.cells),
    };
  });

  const [own, taught] = [step.student.ofInstances.logits.arraySync(), step.teacher.ofInstances.logits.arraySync()];
  const classes = own[0]![0]!.length;
  let [positives, count] = [0, 0];
  for (const [b, row] of mask.entries()) {
    for (const [i, is] of row.entries()) {
      if (is === 0) continue;
      count++;
      positives += response[b]![i]! * softened(own[b]![i]!, taught[b]![i]!);
    }
  }

  const ofPrior = assignment.matched.arraySync().map((row) => row.map((object): number => (object === -2 ? 0 : 1)));
  const rows = instances.rows.arraySync();
  for (const [b, row] of mask.entries())
    for (const [i, is] of row.entries()) if (is === 1) ofPrior[b]![rows[b]![i]!] = response[b]![i]!;
  const scores = (view: StepView['student']): number[][] =>
    ofPrior.map((_, b) =>
      (view.predictions['cls'] as tf.Tensor4D[]).flatMap((map) => [
        ...map.dataSync().subarray((b * map.size) / map.shape[0], ((b + 1) * map.size) / map.shape[0]),
      ]),
    );
  const [s, t] = [scores(step.student), scores(step.teacher)];
  let priors = 0;
  for (const [b, row] of ofPrior.entries())
    for (const [a, w] of row.entries())
      for (let k = a * classes; k < (a + 1) * classes; k++) priors += w * qualityFocal(s[b]![k]!, t[b]![k]!);
  const factor = [...assignment.positives.dataSync()].reduce((sum, n) => sum + Math.max(1, n), 0) + EPSILON;

  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    weights: channel && { levels: channel.levels.map(there), response: there(channel.response) },
    neckForeground: FOREGROUND * mean(neck.map(({ foreground }) => foreground)),
    neckBackground: BACKGROUND * mean(neck.map(({ background }) => background)),
    positives: (POSITIVES * positives) / ((count + EPSILON) * classes),
    priors: priors / factor,
  };
}

interface Cells {
  readonly level: number;
  readonly levels: number;
  readonly finest: number;
  readonly stride: number;
  readonly height: number;
  readonly width: number;
  weight(object: number): number;
}

/**
 * What each cell counts, undefined outside of the boxes of this level: the later box stays, a box without a cell of its
 * own gets that of its corner.
 */
function boxMask(
  boxes: readonly (readonly number[])[],
  { level, levels, finest, stride, height, width, weight }: Cells,
): (number | undefined)[] {
  const cells = new Array<number | undefined>(height * width).fill(undefined);
  for (const [g, [x1, y1, x2, y2]] of boxes.entries()) {
    const size = Math.sqrt((x2! - x1! + 1) * (y2! - y1! + 1));
    if (Math.min(levels - 1, Math.max(0, Math.floor(Math.log2(size / finest + 1e-6)))) !== level) continue;
    const cell = (pixels: number): number => Math.trunc(Math.max(0, pixels) / stride);
    const [left, top, right, bottom] = [cell(x1!), cell(y1!), Math.min(cell(x2!), width), Math.min(cell(y2!), height)];
    if (left >= width || top >= height) continue;
    if (right <= left || bottom <= top) cells[top * width + left] = Math.max(cells[top * width + left] ?? 0, weight(g));
    else for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) cells[y * width + x] = weight(g);
  }
  return cells;
}

/** T² KL(softmax(t / T) || softmax(s / T)) */
function softened(student: readonly number[], teacher: readonly number[]): number {
  const logarithms = (x: readonly number[]): number[] => {
    const sum = Math.log(x.reduce((total, value) => total + Math.exp(value / TEMPERATURE), 0));
    return x.map((value) => value / TEMPERATURE - sum);
  };
  const [q, p] = [logarithms(student), logarithms(teacher)];
  return TEMPERATURE ** 2 * p.reduce((sum, value, k) => sum + Math.exp(value) * (value - q[k]!), 0);
}

/** Cross-entropy with the teacher's score, times how far the scores are apart. */
function qualityFocal(student: number, teacher: number): number {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const [s, t] = [sigmoid(student), sigmoid(teacher)];
  return Math.abs(t - s) * (t * Math.log1p(Math.exp(-student)) + (1 - t) * Math.log1p(Math.exp(student)));
}

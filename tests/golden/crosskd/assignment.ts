import type { Detector, DetectorOutput, Targets } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { expectEqual, type GoldenTensors } from '../support/index.js';
import type { CrossCase } from './index-file.js';

/** What a detector assigned, for what its cases hold beyond labels and their weights. */
export interface Assigned {
  /** The object of every prior, or -1 and -2, by image. */
  readonly matched: readonly (readonly number[])[];
  /** Positives of each image. */
  readonly positives: readonly number[];
  /** [b, a] */
  readonly centerness: tf.Tensor2D | undefined;
}

/** Priors, labels and label weights of every level; a point of the case is the centre of a prior. */
export async function checkAssignment(one: CrossCase, detector: Detector, tensors: GoldenTensors): Promise<Assigned> {
  const { anchors_per_loc, classes, image_hw } = one.params;
  const priors = detector.priors(levelsOf(one), image_hw);
  expect(detector.dense!.priorsPerCell).toBe(anchors_per_loc);
  expect(priors.perLevel).toEqual(one.level_hw.map(([h, w]) => h * w * anchors_per_loc));
  const { matched, positives, centerness } = detector.assign(priors, targetsOf(one));
  const rows = await matched.array();
  let [from, ignored] = [0, 0];
  for (const [level, count] of priors.perLevel.entries()) {
    const stored = tensors.get(`priors.${level}`);
    const boxes = tf.slice(priors.boxes, [from, 0], [count, 4]);
    expectEqual(await (stored.shape[1] === 2 ? centres(boxes) : boxes).data(), stored.values, `priors.${level}`);
    const own = rows.map((row) => row.slice(from, from + count));
    const labels = own.map((row, image) => row.map((g) => (g >= 0 ? one.gt[image]!.labels[g]! : classes)));
    expectEqual(labels.flat(), tensors.get(`labels.${level}`).values, `labels.${level}`);
    const weights = own.flat().map((g) => (g === -2 ? 0 : 1));
    expectEqual(weights, tensors.get(`label_weights.${level}`).values, `label_weights.${level}`);
    ignored += weights.filter((weight) => weight === 0).length;
    from += count;
  }
  expect(ignored).toBe(one.ignored_priors);
  const counts = await positives.array();
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(one.num_positive);
  return { matched: rows, positives: counts, centerness };
}

/** Where losses are divided by the number of positives: an image without one counts as one. */
export const checkPositives = ({ avg_factor }: CrossCase, { positives }: Assigned): void =>
  expect(positives.reduce((sum, count) => sum + Math.max(count, 1), 0)).toBe(avg_factor);

const centres = (boxes: tf.Tensor2D): tf.Tensor =>
  tf.div(tf.add(tf.slice(boxes, [0, 0], [-1, 2]), tf.slice(boxes, [0, 2], [-1, 2])), 2);

/** Levels of the case's sizes: all that priors read of an output. */
const levelsOf = ({ level_hw, params }: CrossCase): DetectorOutput => ({
  levels: level_hw.map(([h, w]) => tf.zeros([params.pad_hw.length, h, w, 1])),
  taps: {},
  predictions: {},
  updates: [],
});

function targetsOf({ gt, params }: CrossCase): Targets {
  const most = Math.max(1, ...gt.map(({ boxes }) => boxes.length));
  const padded = <T>(rows: readonly T[], fill: T): T[] => [...rows, ...Array<T>(most - rows.length).fill(fill)];
  return {
    boxes: tf.tensor3d(gt.map(({ boxes }) => padded(boxes, [0, 0, 0, 0]))),
    labels: tf.tensor2d(
      gt.map(({ labels }) => padded(labels, 0)),
      undefined,
      'int32',
    ),
    mask: tf.tensor2d(
      gt.map(({ boxes }) =>
        padded(
          boxes.map(() => 1),
          0,
        ),
      ),
    ),
    imageSizes: params.pad_hw,
    paddedSize: params.image_hw,
    ids: gt.map((_, image) => image),
  };
}

import type { Assignment, DenseInfo, Predictions } from '@kd/core';
import { bceWithLogits, flattenLevels, giouLoss, iouLogLoss, softKl, softQualityFocal } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { byCenterness } from './denominators.js';
import { confidence, labelWeights, perCell, positiveMask, splitLevels } from './row-weights.js';
import { inverse, weightedSum } from './weighted-sum.js';

/** What the terms of a step are made of. Maps by name, one a level; everything but `crossed` is a constant. */
export interface LossInputs {
  readonly crossed: Predictions;
  readonly taught: Predictions;
  readonly classes: number;
  readonly student: DenseInfo;
  readonly teacher: DenseInfo;
  readonly assignment: Assignment;
  /** Priors of the student, a level. */
  readonly perLevel: readonly number[];
  /** What sums are multiplied by. */
  readonly scale: tf.Scalar;
  /** The teacher's coder: codes [b, a, 4] to boxes [b, a, 4]. */
  readonly decode: (codes: tf.Tensor3D) => tf.Tensor3D;
}

/** Union and hull are at least this, in square pixels. */
const GIOU = { eps: 1e-6, floor: true } as const;

/** Rows [b, n, width] of a map [b, h, w, a·width]. */
const rowsOf = (map: tf.Tensor4D, width: number): tf.Tensor3D => tf.reshape(map, [map.shape[0], -1, width]);

/** Label weights of the teacher's rows, a level; null where the student's reference masks nothing. */
function rowLabels({ student, teacher, assignment, perLevel }: LossInputs): readonly tf.Tensor[] | null {
  if (byCenterness(student)) return null;
  return splitLevels(labelWeights(assignment), perLevel).map((rows) =>
    perCell(rows, student.priorsPerCell, teacher.priorsPerCell),
  );
}

/** Soft quality focal loss of the class scores over all rows, a level. */
export function classTerms(inputs: LossInputs, beta: number): tf.Scalar[] {
  const { crossed, taught, classes, scale } = inputs;
  const labels = rowLabels(inputs);
  return crossed['cls']!.map((map, level) => {
    const loss = softQualityFocal(rowsOf(map, classes), rowsOf(taught['cls']![level]!, classes), { beta });
    return tf.mul(weightedSum(loss, labels?.[level] ?? null), scale);
  });
}

/**
 * The box term in the teacher's own terms, weighted by its confidence: divergence of distributions, GIoU of boxes, or
 * logarithmic IoU, a level.
 */
export function boxTerms(inputs: LossInputs, temperature: number): tf.Scalar[] {
  const { crossed, taught, classes, teacher, scale, decode } = inputs;
  const labels = rowLabels(inputs);
  const weights = taught['cls']!.map((map, level) => {
    const sure = confidence(map, classes);
    return labels ? tf.mul(sure, labels[level]!) : sure;
  });
  if (teacher.boxes === 'distribution') return distributionTerms(inputs, teacher.bins!, weights, temperature);
  const boxes = (levels: readonly tf.Tensor4D[]): tf.Tensor3D => decode(flattenLevels(levels, 4));
  const [pred, target] = [boxes(crossed['reg']!), boxes(taught['reg']!)];
  const loss = teacher.boxes === 'delta' ? giouLoss(pred, target, GIOU) : iouLogLoss(pred, target); // [b, a]
  return splitLevels(
    loss,
    weights.map(({ shape }) => shape[1]!),
  ).map((rows, level) => tf.mul(weightedSum(rows, weights[level]!), scale));
}

/** Divergence summed over the four sides, divided by 4 and by the weights of all levels: 0 where no row has any. */
function distributionTerms(
  { crossed, taught }: LossInputs,
  bins: number,
  weights: readonly tf.Tensor[],
  temperature: number,
): tf.Scalar[] {
  const total = weights.map((rows) => tf.sum<tf.Scalar>(rows)).reduce((sum, rows) => tf.add(sum, rows));
  const scale: tf.Scalar = tf.divNoNan(inverse(4), total);
  return crossed['reg']!.map((map, level) => {
    const [b] = map.shape;
    const sides = (of: tf.Tensor4D): tf.Tensor4D => tf.reshape(of, [b, -1, 4, bins]);
    const loss = tf.sum(softKl(sides(map), sides(taught['reg']![level]!), { temperature }), 2); // [b, n]
    return tf.mul(weightedSum(loss, weights[level]!), scale);
  });
}

/**
 * Binary cross-entropy of the quality with the teacher's, a level: of positives alone, of an objectness in every cell.
 */
export function centernessTerms({
  crossed,
  taught,
  student,
  teacher,
  assignment,
  perLevel,
  scale,
}: LossInputs): tf.Scalar[] {
  const positive = splitLevels(positiveMask(assignment), perLevel);
  const everywhere = teacher.quality === 'objectness';
  return crossed['centerness']!.map((map, level) => {
    const flat = (of: tf.Tensor4D): tf.Tensor => tf.reshape(of, [of.shape[0], -1]);
    const loss = bceWithLogits(flat(map), tf.sigmoid(flat(taught['centerness']![level]!)));
    const rows = everywhere ? null : perCell(positive[level]!, student.priorsPerCell, teacher.priorsPerCell);
    return tf.mul(weightedSum(loss, rows), scale);
  });
}

/** Whether the method compares the quality: a centerness of teachers with anchors alone, as the reference does. */
export const hasCenterness = (
  { boxes, quality = 'centerness' }: DenseInfo,
  taught: Readonly<Record<string, unknown>>,
): boolean => (boxes === 'delta' || quality !== 'centerness') && taught['centerness'] !== undefined;

/** The reference's factors: of the classes by the student's denominator, of the boxes by the teacher's kind. */
export function usualWeights(
  student: DenseInfo,
  teacher: DenseInfo,
): { readonly cls: number; readonly reg: number; readonly ctr: number } {
  return {
    cls: byCenterness(student) ? 0.4 : 1,
    reg: { distribution: 4, delta: 1, distance: 0.75 }[teacher.boxes],
    ctr: 1,
  };
}

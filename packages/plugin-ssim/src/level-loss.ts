import * as tf from '@tensorflow/tfjs-core';
import { blocksOf, type Block } from './blocks.js';
import { powerDistance, ssimDistance, type Distance, type LossName } from './distance.js';
import type { Constants, Watch } from './maps.js';
import {
  addSums,
  extremeSums,
  scopeRange,
  sliceRange,
  throughExtremes,
  toUnit,
  type ExtremeSums,
  type ScopeRange,
} from './min-max.js';
import type { SsimSettings } from './settings.js';

/** The loss of one level and the gradient of its student map, as `scale · map`. */
export type LevelLoss = {
  readonly loss: tf.Scalar;
  /** [n, h, w, c] */
  readonly gradient: tf.Tensor4D;
  readonly scale: tf.Scalar;
};

/** What one block contributes. */
type BlockResult = {
  readonly total: tf.Scalar;
  readonly gradient: tf.Tensor4D;
  readonly sums: ExtremeSums | undefined;
};

interface Level {
  readonly student: tf.Tensor4D;
  readonly teacher: tf.Tensor4D;
  readonly settings: SsimSettings;
  readonly distance: Distance;
  readonly weights: tf.Tensor4D | undefined;
  readonly ranges: { readonly student: ScopeRange; readonly teacher: ScopeRange } | null;
  readonly watch: Watch | undefined;
}

export interface LevelOptions {
  readonly loss?: LossName;
  /** [n, h, w, 1] */
  readonly weights?: tf.Tensor4D | undefined;
  readonly watch?: Watch;
  readonly blockBytes?: number;
}

/**
 * Loss and gradient of one level in one go, block by block so that the temporaries stay in the cache and are few. The
 * loss
 * is a mean: its gradient needs nothing from later, so it is finished here and is all that a backward pass has to keep.
 */
export function levelLoss(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  settings: SsimSettings,
  { loss = 'ssim', weights, watch, blockBytes }: LevelOptions = {},
): LevelLoss {
  return tf.tidy(() => {
    const [n, h, w, c] = student.shape;
    const distance =
      loss === 'ssim'
        ? ssimDistance(h, w, constantsOf(teacher, settings), settings)
        : powerDistance(h, w, loss === 'l1' ? 1 : 2);
    const level: Level = {
      student,
      teacher,
      settings,
      distance,
      weights,
      ranges: rangesOf(student, teacher, settings),
      watch,
    };
    const blocks = watch ? [[{ image: 0, images: n, channel: 0, channels: c }]] : blocksOf(student.shape, blockBytes);
    const results = blocks.map((row) => row.map((block) => tf.tidy(() => blockResult(level, block))));
    const sums = sumsByScope(results, settings.scope);
    const rows = results.map((row, i) =>
      joined(
        row.map((result, j) => finished(level, blocks[i]![j]!, result, sums?.[i]![j])),
        3,
      ),
    );

    const total = tf.addN(results.flat().map((result) => result.total));
    const elements = weights ? tf.mul(tf.sum(weights), c) : tf.scalar(n * distance.size[0] * distance.size[1] * c);
    const share = tf.divNoNan(tf.scalar(distance.share), elements);
    return {
      loss: tf.mul<tf.Scalar>(total, share),
      gradient: joined(rows, 0),
      scale: tf.mul<tf.Scalar>(share, distance.slope / distance.share),
    };
  });
}

function rangesOf(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  { normalize, scope, rangeFrom }: SsimSettings,
): Level['ranges'] {
  if (normalize === 'none') return null;
  const range = scopeRange(teacher, scope);
  return { teacher: range, student: rangeFrom === 'teacher' ? range : scopeRange(student, scope) };
}

function constantsOf(teacher: tf.Tensor4D, { normalize, dynamicRange, k1, k2 }: SsimSettings): Constants {
  const range = normalize === 'minmax' ? 1 : dynamicRange;
  const square = range === 'teacher' ? squaredRange(teacher) : tf.scalar(range * range);
  return { c1: tf.mul(square, k1 * k1), c2: tf.mul(square, k2 * k2), jitter: tf.mul(square, 1e-6) };
}

/** A flat teacher has no range to measure with: 1 then, or both constants would be 0 and SSIM 0/0. */
function squaredRange(teacher: tf.Tensor4D): tf.Scalar {
  const range = tf.sub<tf.Scalar>(tf.max(teacher), tf.min(teacher));
  return tf.square(tf.where(tf.less(range, 1e-6), tf.onesLike(range), range));
}

function blockResult(level: Level, block: Block): BlockResult {
  const { settings, ranges, distance, watch } = level;
  const student = part(level.student, block);
  const teacher = part(level.teacher, block);
  const range = ranges && sliceRange(ranges.student, block);
  const pair = range
    ? { x: toUnit(student, range), y: toUnit(teacher, sliceRange(ranges.teacher, block)) }
    : { x: student, y: teacher };
  watch?.('norm_s', pair.x);
  watch?.('norm_t', pair.y);
  const weights = level.weights && tf.slice(level.weights, [block.image, 0, 0, 0], [block.images, -1, -1, -1]);
  const { total, gradient } = distance.measure(pair, weights, watch);
  if (!range) return { total, gradient, sums: undefined };
  const through = tf.mul<tf.Tensor4D>(gradient, range.inverse);
  const exact = settings.rangeFrom === 'own' && !settings.detachRange;
  return {
    total,
    gradient: through,
    sums: exact ? extremeSums(student, pair.x, through, range, settings.scope) : undefined,
  };
}

function part(map: tf.Tensor4D, { image, images, channel, channels }: Block): tf.Tensor4D {
  const inside = images === map.shape[0] ? map : tf.slice(map, [image, 0, 0, 0], [images, -1, -1, -1]);
  return channels === map.shape[3] ? inside : tf.slice(inside, [0, 0, 0, channel], [-1, -1, -1, channels]);
}

/** What flows through minimum and maximum of a scope, gathered from all blocks of it. */
function sumsByScope(
  results: readonly (readonly BlockResult[])[],
  scope: SsimSettings['scope'],
): ExtremeSums[][] | null {
  const known = results.map((row) => row.flatMap((result) => result.sums ?? []));
  if (known[0]!.length === 0) return null;
  if (scope === 'channel') return known;
  const all = scope === 'tensor' ? addSums(known.flat()) : null;
  return known.map((row) => Array<ExtremeSums>(row.length).fill(all ?? addSums(row)));
}

function finished(
  { student, ranges }: Level,
  block: Block,
  { gradient }: BlockResult,
  sums: ExtremeSums | undefined,
): tf.Tensor4D {
  if (!sums || !ranges) return gradient;
  const result = tf.tidy(() =>
    throughExtremes(gradient, part(student, block), sliceRange(ranges.student, block), sums),
  );
  gradient.dispose();
  return result;
}

function joined(parts: readonly tf.Tensor4D[], axis: number): tf.Tensor4D {
  if (parts.length === 1) return parts[0]!;
  const whole = tf.concat([...parts], axis);
  tf.dispose([...parts]);
  return whole;
}

import type { DetectorContext } from '@kd/core';
import { nms } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** Candidates of one level, by descending score. */
export interface LevelCandidates {
  /** [b, k, 4] */
  readonly boxes: tf.Tensor3D;
  /** [b, k] in [0, 1]; -1 for what takes no part */
  readonly scores: tf.Tensor2D;
}

/**
 * Non-maximum suppression within each level, and the best of what is left of all levels.
 *
 * On native TensorFlow it stays on the device, with a fixed number of rows; elsewhere the host does it.
 * @param limit boxes an image
 * @returns [b, limit, 6]: box, score, and 1 where the row holds one; rows off it are 0
 */
export function suppress(
  levels: readonly LevelCandidates[],
  threshold: number,
  limit: number,
  runOp?: DetectorContext['runOp'],
): tf.Tensor3D {
  return tf.tidy(() =>
    runOp ? suppressNatively(levels, threshold, limit, runOp) : suppressOnHost(levels, threshold, limit),
  );
}

function suppressNatively(
  levels: readonly LevelCandidates[],
  threshold: number,
  limit: number,
  runOp: NonNullable<DetectorContext['runOp']>,
): tf.Tensor3D {
  const most = Math.max(...levels.map(({ scores }) => scores.shape[1]));
  // Levels are the op's classes: [b, most, levels, 4] and [b, most, levels].
  const boxes = tf.stack(
    levels.map((level) =>
      tf.pad(level.boxes, [
        [0, 0],
        [0, most - level.boxes.shape[1]],
        [0, 0],
      ]),
    ),
    2,
  );
  const scores = tf.stack(
    levels.map((level) =>
      tf.pad(
        level.scores,
        [
          [0, 0],
          [0, most - level.scores.shape[1]],
        ],
        -1,
      ),
    ),
    2,
  );
  const scalars = [tf.scalar(most, 'int32'), tf.scalar(limit, 'int32'), tf.scalar(threshold), tf.scalar(-0.5)];
  const attributes = [
    { name: 'pad_per_class', type: 'bool', value: false },
    { name: 'clip_boxes', type: 'bool', value: false },
  ] as const;
  const [kept, keptScores, , counts] = runOp(
    'CombinedNonMaxSuppression',
    attributes,
    [boxes, scores, ...scalars],
    4,
  ) as [tf.Tensor3D, tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
  const on = tf.cast(tf.less(tf.range(0, limit, 1, 'int32'), tf.expandDims(counts, 1)), 'float32'); // [b, limit]
  return tf.concat([kept, tf.expandDims(keptScores, 2), tf.expandDims(on, 2)], 2) as tf.Tensor3D;
}

function suppressOnHost(levels: readonly LevelCandidates[], threshold: number, limit: number): tf.Tensor3D {
  const boxes = tf.concat(
    levels.map((level) => level.boxes),
    1,
  );
  const [b, n] = boxes.shape;
  const [corners, scores] = [
    boxes.dataSync() as Float32Array,
    tf
      .concat(
        levels.map((level) => level.scores),
        1,
      )
      .dataSync() as Float32Array,
  ];
  const levelOf = levels.flatMap((level, i) => Array.from({ length: level.scores.shape[1] }, () => i));
  const rows = new Float32Array(b * limit * 6);
  for (let image = 0; image < b; image++) {
    const used = levelOf.flatMap((_, i) => (scores[image * n + i]! >= 0 ? [i] : []));
    const at = (i: number): number => image * n + used[i]!;
    const own = Float32Array.from({ length: 4 * used.length }, (_, i) => corners[4 * at(i >> 2) + (i & 3)]!);
    const kept = nms(
      own,
      Float32Array.from(used, (_, i) => scores[at(i)]!),
      { threshold, classes: used.map((i) => levelOf[i]!), limit },
    );
    kept.forEach((i, row) =>
      rows.set([...own.subarray(4 * i, 4 * i + 4), scores[at(i)]!, 1], (image * limit + row) * 6),
    );
  }
  return tf.tensor3d(rows, [b, limit, 6]);
}

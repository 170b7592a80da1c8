import type { DetectorContext } from '@kd/core';
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
 * It stays on the device, with a fixed number of rows: one op of native TensorFlow, or the kernel of TensorFlow.js.
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
    runOp ? suppressNatively(levels, threshold, limit, runOp) : suppressOneByOne(levels, threshold, limit),
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

/** Image by image and level by level, with the kernel of TensorFlow.js. */
function suppressOneByOne(levels: readonly LevelCandidates[], threshold: number, limit: number): tf.Tensor3D {
  const [b] = levels[0]!.scores.shape;
  const images = Array.from({ length: b }, (_, image) => {
    const kept = levels.map(({ boxes, scores }) => {
      const [own, score] = [
        tf.squeeze(tf.slice(boxes, [image, 0, 0], [1, -1, -1]), [0]) as tf.Tensor2D,
        tf.squeeze(tf.slice(scores, [image, 0], [1, -1]), [0]) as tf.Tensor1D,
      ];
      const most = Math.min(limit, score.size);
      const { rows: chosen, on } = uncovered(own, score, most, threshold);
      const column = (x: tf.Tensor): tf.Tensor2D => tf.expandDims(x, 1);
      const rows = tf.concat([tf.gather(own, chosen), column(tf.gather(score, chosen)), column(on)], 1);
      return tf.mul(rows, column(on));
    });
    const all = tf.concat(kept, 0) as tf.Tensor2D; // [n, 6]
    const [score, on] = [tf.slice(all, [0, 4], [-1, 1]), tf.slice(all, [0, 5], [-1, 1])];
    // Scores are at least 0, rows off the mask last.
    const { indices } = tf.topk(tf.squeeze(tf.sub(score, tf.mul(2, tf.sub(1, on))), [1]), limit);
    return tf.gather(all, indices);
  });
  return tf.stack(images) as tf.Tensor3D;
}

/** Rows [most] int32 that no better one covers, best first, and on [most], 1 where there is one. */
function uncovered(
  boxes: tf.Tensor2D,
  scores: tf.Tensor1D,
  most: number,
  threshold: number,
): { readonly rows: tf.Tensor1D; readonly on: tf.Tensor } {
  // The kernel drops what overlaps by just the threshold as well, and knows none above 1.
  const above = threshold * (1 + Number.EPSILON) + Number.MIN_VALUE;
  if (above > 1) {
    const { values, indices } = tf.topk(scores, most);
    return { rows: indices as tf.Tensor1D, on: tf.cast(tf.greaterEqual(values, 0), 'float32') };
  }
  const { selectedIndices, validOutputs } = tf.image.nonMaxSuppressionPadded(boxes, scores, most, above, -0.5, true);
  const on = tf.less(tf.range(0, most, 1, 'int32'), validOutputs!);
  return { rows: selectedIndices as tf.Tensor1D, on: tf.cast(on, 'float32') };
}

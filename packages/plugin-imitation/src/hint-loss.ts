import { type Adapter, applyAdapter, KdError, parseOptions } from '@kd/core';
import { root } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

export const hintEntries = {
  /** Scale every image's map to length 1 before, over all of its cells and channels. */
  unitLength: v.optional(v.boolean(), false),
  /**
   * What the sum of squares of a level is divided by: its elements, its images; `root` takes the square root instead.
   */
  divide: v.optional(v.picklist(['elements', 'images', 'root']), 'elements'),
};

const hintSchema = v.strictObject(hintEntries);

export type HintLossOptions = v.InferInput<typeof hintSchema>;
export type HintSettings = v.InferOutput<typeof hintSchema>;

/**
 * The squared difference of two maps, `mean (S - T)²` unless options say otherwise; levels add up. The teacher is a
 * constant.
 * Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015.
 * @param students [n, h, w, c] a level
 * @param teachers [n, h, w, c] a level
 * @param extras.adapters bring the student's channels to the teacher's; `null` means none for that level
 * @throws KdError USAGE when lists or shapes do not fit, CONFIG_INVALID for options that do not
 */
export function hintLevels(
  students: readonly tf.Tensor4D[],
  teachers: readonly tf.Tensor4D[],
  options: HintLossOptions = {},
  { adapters }: { readonly adapters?: readonly (Adapter | null)[] } = {},
): tf.Scalar {
  const settings = parseOptions(hintSchema, options, 'hintLevels');
  for (const [what, list] of Object.entries({ "teacher's maps": teachers, adapters })) {
    if (list && list.length !== students.length)
      throw new KdError(
        'USAGE',
        `fitnets: ${students.length} maps of the student and ${list.length} ${what}; pass one a level.`,
      );
  }
  if (students.length === 0) return tf.scalar(0);
  return tf.tidy(() =>
    tf.addN(
      students.map((student, i) => {
        const adapter = adapters?.[i];
        return hintLoss(adapter ? applyAdapter(student, adapter) : student, teachers[i]!, settings);
      }),
    ),
  );
}

/** One level of {@link hintLevels}, behind its adapter. */
export function hintLoss(student: tf.Tensor4D, teacher: tf.Tensor4D, { unitLength, divide }: HintSettings): tf.Scalar {
  if (student.shape.join() !== teacher.shape.join()) {
    throw new KdError(
      'USAGE',
      `fitnets: a student map [${student.shape.join(', ')}] and a teacher map [${teacher.shape.join(', ')}]: both need the same shape; an adapter brings channels together.`,
    );
  }
  const pair = unitLength ? ([unit(student), unit(teacher)] as const) : ([student, teacher] as const);
  const sum: tf.Scalar = tf.sum(tf.squaredDifference(pair[0], pair[1]));
  if (divide === 'root') return root(sum);
  return tf.div(sum, Math.max(1, divide === 'images' ? student.shape[0] : student.size));
}

/** Images as rows of length 1; one of zeros stays as it is. */
function unit(map: tf.Tensor4D): tf.Tensor2D {
  const rows = tf.reshape(map, [map.shape[0], -1]) as tf.Tensor2D;
  return tf.div(rows, tf.maximum(root(tf.sum(tf.square(rows), 1, true)), 1e-12));
}

import * as tf from '@tensorflow/tfjs-core';

/** Instances of a case, listed image after image, as the table of a step: an image a row. */
export interface InstanceTable {
  /** [b, m, 4] */
  readonly boxes: tf.Tensor3D;
  /** [b, m] int32 */
  readonly labels: tf.Tensor2D;
  /** [b, m] */
  readonly mask: tf.Tensor2D;
  /** From the list to the table: [n, ...] to [b, m, ...], with zeros in between. */
  spread<T extends tf.Tensor>(rows: tf.Tensor): T;
  /** From the table to the list: [b, m, ...] to [n, ...]. */
  list<T extends tf.Tensor>(table: tf.Tensor): T;
}

/**
 * @param rows [n, 5] image index and box
 * @param values of the rows
 */
export function instanceTable(
  rows: tf.Tensor2D,
  values: ArrayLike<number>,
  images: number,
  labels: tf.Tensor1D = tf.zeros([rows.shape[0]], 'int32'),
): InstanceTable {
  const n = rows.shape[0];
  const of = Array.from({ length: n }, (_, i) => values[5 * i]!);
  const counts = Array.from({ length: images }, (_, image) => of.filter((one) => one === image).length);
  // One row more than there must be: rows off the mask have to make no difference.
  const m = Math.max(...counts) + 1;
  const place = of.map((image, i) => image * m + of.slice(0, i).filter((one) => one === image).length);
  const spread = <T extends tf.Tensor>(x: tf.Tensor): T => {
    const index = tf.tensor1d(
      Array.from({ length: images * m }, (_, at) => {
        const i = place.indexOf(at);
        return i < 0 ? n : i;
      }),
      'int32',
    );
    const padded = tf.concat([x, tf.zeros([1, ...x.shape.slice(1)], x.dtype)]);
    return tf.reshape(tf.gather(padded, index), [images, m, ...x.shape.slice(1)]) as tf.Tensor as T;
  };
  return {
    boxes: spread(tf.slice(rows, [0, 1], [-1, 4])),
    labels: spread(labels),
    mask: spread(tf.ones([n])),
    spread,
    list: <T extends tf.Tensor>(table: tf.Tensor): T =>
      tf.gather(
        tf.reshape(table, [images * m, ...table.shape.slice(2)]),
        tf.tensor1d(place, 'int32'),
      ) as tf.Tensor as T,
  };
}

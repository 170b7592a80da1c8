import * as tf from '@tensorflow/tfjs-core';

/**
 * Class logits of a second stage with the background at another place, the order of the classes being the same.
 * @param logits [..., k + 1]
 * @param from index of the background in them
 * @param to where it shall be
 */
export function backgroundAt<T extends tf.Tensor>(logits: T, from: number, to: number): T {
  if (from === to) return logits;
  return tf.tidy(() => {
    const last = logits.rank - 1;
    const size = logits.shape[last]!;
    const part = (begin: number, end: number): tf.Tensor =>
      tf.slice(logits, [...Array<number>(last).fill(0), begin], [...logits.shape.slice(0, last), end - begin]);
    const classes = [...(from > 0 ? [part(0, from)] : []), ...(from < size - 1 ? [part(from + 1, size)] : [])];
    const rows = tf.concat(classes, last);
    const at = (begin: number, end: number): tf.Tensor =>
      tf.slice(rows, [...Array<number>(last).fill(0), begin], [...rows.shape.slice(0, last), end - begin]);
    return tf.concat(
      [...(to > 0 ? [at(0, to)] : []), part(from, from + 1), ...(to < size - 1 ? [at(to, size - 1)] : [])],
      last,
    ) as T;
  });
}

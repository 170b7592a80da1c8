import * as tf from '@tensorflow/tfjs-core';
import type { RunContext } from '../layers/conv-block.js';

/** The entries of a sparse matrix, in any order; several at one place add up. */
export interface SparseEntries {
  /** [m, 2] int32: row and column */
  readonly indices: tf.Tensor2D;
  /** [m] */
  readonly weights: tf.Tensor1D;
}

/**
 * A sparse matrix times x. Gradient to x alone.
 *
 * On native TensorFlow this is one op each way. Elsewhere rows are gathered and scattered; the gradient of a gather of
 * TensorFlow.js, a segment sum, visits all rows for each segment on the plain backend and does not exist on others.
 * @param x [n, c]
 * @param rows rows of the result
 * @param entries makes the matrix; no gradient flows into it
 * @returns [rows, c]
 */
export function sparseProduct(
  x: tf.Tensor2D,
  rows: number,
  entries: () => SparseEntries,
  runOp?: RunContext['runOp'],
): tf.Tensor2D {
  return tf.customGrad((input, save) => {
    const { indices, weights } = tf.tidy(() => ({ ...entries() }));
    (save as tf.GradSaveFunc)([indices, weights]);
    return {
      value: product(input as tf.Tensor2D, { indices, weights }, [rows, x.shape[0]], false, runOp),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [at, values] = saved as [tf.Tensor2D, tf.Tensor1D];
        return product(dy as tf.Tensor2D, { indices: at, weights: values }, [rows, x.shape[0]], true, runOp);
      },
    };
  })(x) as tf.Tensor2D;
}

/** The matrix of this shape, or its transpose, times x. */
function product(
  x: tf.Tensor2D,
  { indices, weights }: SparseEntries,
  shape: readonly [number, number],
  transposed: boolean,
  runOp: RunContext['runOp'],
): tf.Tensor2D {
  if (runOp === undefined) return productByRows(x, { indices, weights }, shape[transposed ? 1 : 0], transposed);
  return tf.tidy(() => {
    const [sides] = runOp(
      'Cast',
      [
        { name: 'SrcT', type: 'type', value: 'int32' },
        { name: 'DstT', type: 'type', value: 'int64' },
      ],
      [tf.tensor1d([...shape], 'int32')],
      1,
    );
    const attributes = [
      { name: 'T', type: 'type', value: 'float32' },
      { name: 'Tindices', type: 'type', value: 'int32' },
      { name: 'adjoint_a', type: 'bool', value: transposed },
      { name: 'adjoint_b', type: 'bool', value: false },
    ] as const;
    return runOp('SparseTensorDenseMatMul', attributes, [indices, weights, sides!, x], 1)[0] as tf.Tensor2D;
  });
}

/**
 * Rows are read, weighed and added where they belong, as many at a time as the result has: all at once would take many
 * times its memory.
 */
function productByRows(
  x: tf.Tensor2D,
  { indices, weights }: SparseEntries,
  rows: number,
  transposed: boolean,
): tf.Tensor2D {
  return tf.tidy(() => {
    const c = x.shape[1];
    const [row, column] = tf.split(indices, 2, 1) as [tf.Tensor2D, tf.Tensor2D]; // [m, 1]
    const [to, from] = transposed ? [column, row] : [row, column];
    let sum = tf.zeros<tf.Rank.R2>([rows, c]);
    for (let start = 0; start < weights.size; start += rows) {
      const size = Math.min(rows, weights.size - start);
      sum = tf.tidy(() => {
        const part = (of: tf.Tensor2D): tf.Tensor2D => tf.slice(of, [start, 0], [size, 1]);
        const read = tf.gather(x, tf.reshape(part(from), [size]) as tf.Tensor1D);
        return tf.add(
          sum,
          tf.scatterND(part(to), tf.mul(read, tf.reshape(tf.slice(weights, start, size), [size, 1])), [rows, c]),
        );
      });
    }
    return sum;
  });
}

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
 * On native TensorFlow this is one op each way. Elsewhere the host adds up: a gather of all rows would be many times
 * the result, and its gradient,
 * a segment sum, visits all rows for each segment on the plain backend and does not exist on others.
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
  if (runOp === undefined) return productOnHost(x, { indices, weights }, shape[transposed ? 1 : 0], transposed);
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

function productOnHost(
  x: tf.Tensor2D,
  { indices, weights }: SparseEntries,
  rows: number,
  transposed: boolean,
): tf.Tensor2D {
  const c = x.shape[1];
  const [at, factors, values] = [indices.dataSync(), weights.dataSync(), x.dataSync()];
  const sums = new Float32Array(rows * c);
  for (let i = 0; i < factors.length; i++) {
    const factor = factors[i]!;
    if (factor === 0) continue;
    const to = at[2 * i + (transposed ? 1 : 0)]! * c;
    const from = at[2 * i + (transposed ? 0 : 1)]! * c;
    for (let k = 0; k < c; k++) sums[to + k]! += factor * values[from + k]!;
  }
  return tf.tensor2d(sums, [rows, c]);
}

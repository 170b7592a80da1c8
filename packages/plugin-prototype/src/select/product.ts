import * as tf from '@tensorflow/tfjs-core';

type Product = (a: tf.Tensor2D, b: tf.Tensor2D, transposeA?: boolean, transposeB?: boolean) => tf.Tensor2D;

const PROBE = 256;
const probed = new Map<string, boolean>();

/**
 * The product of two matrices in full float32. Graphics processors may round the factors of a matrix product to 11
 * significant bits (TF32), which is not enough to tell the best candidate from the next; there each factor is split in
 * two that survive the rounding.
 */
export const fullProduct = async (): Promise<Product> =>
  (await factorsAreRounded()) ? splitProduct(tf.matMul) : tf.matMul<tf.Tensor2D>;

/** A product of about 22 bits from one that rounds its factors to 11. */
export const splitProduct =
  (multiply: Product): Product =>
  (a, b, transposeA, transposeB) =>
    tf.tidy(() => {
      const [a1, a2] = halves(a);
      const [b1, b2] = halves(b);
      const small = tf.add(multiply(a1, b2, transposeA, transposeB), multiply(a2, b1, transposeA, transposeB));
      return tf.add(multiply(a1, b1, transposeA, transposeB), small);
    });

/** The leading 11 bits of every element, and the rest (Veltkamp's split). */
function halves(x: tf.Tensor2D): [tf.Tensor2D, tf.Tensor2D] {
  const shifted = tf.mul(x, 2 ** 13 + 1);
  const leading = tf.sub(shifted, tf.sub(shifted, x)) as tf.Tensor2D;
  return [leading, tf.sub(x, leading)];
}

/** Tried once for each backend: 1 + 2^-12 has one bit more than TF32 keeps. */
async function factorsAreRounded(): Promise<boolean> {
  const backend = tf.getBackend();
  let rounded = probed.get(backend);
  if (rounded === undefined) {
    const one = tf.tidy(() =>
      tf.slice(tf.matMul(tf.fill([PROBE, PROBE], 1 + 2 ** -12), tf.ones([PROBE, PROBE])), [0, 0], [1, 1]),
    );
    const [sum] = await one.data();
    one.dispose();
    rounded = Math.abs(sum! / PROBE - (1 + 2 ** -12)) > 2 ** -14;
    probed.set(backend, rounded);
  }
  return rounded;
}

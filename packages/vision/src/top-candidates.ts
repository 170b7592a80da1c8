import { descendingOrder } from './descending-order.js';

/**
 * Indices of the `count` highest scores above a threshold, by descending score; equal scores by index. The threshold is
 * rounded to float32 first, as a comparison of float32 tensors does.
 * @param scores [n], e.g. of all pairs (anchor, class) of one level
 */
export function topCandidates(scores: Float32Array, threshold: number, count: number): Int32Array {
  const limit = Math.fround(threshold);
  const above: number[] = [];
  for (let i = 0; i < scores.length; i++) if (scores[i]! > limit) above.push(i);
  const order = descendingOrder(Float32Array.from(above, (i) => scores[i]!));
  return Int32Array.from(order.subarray(0, count), (i) => above[i]!);
}

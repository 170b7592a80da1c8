import { descendingOrder } from './descending-order.js';

/**
 * Indices of the `count` highest scores above a threshold, by descending score; equal scores by index. The threshold is
 * rounded to float32 first, as a comparison of float32 tensors does.
 * @param scores [n], e.g. of all pairs (anchor, class) of one level
 */
export function topCandidates(scores: Float32Array, threshold: number, count: number): Int32Array {
  const limit = Math.fround(threshold);
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const lowest = lowestBucket(scores, bits, limit, count);
  const candidates: number[] = [];
  for (let i = 0; i < scores.length; i++) if (scores[i]! > limit && bucketOf(bits[i]!) >= lowest) candidates.push(i);
  const order = descendingOrder(Float32Array.from(candidates, (i) => scores[i]!));
  return Int32Array.from(order.subarray(0, count), (i) => candidates[i]!);
}

const BUCKETS = 1 << 16;

/** The upper half of a float32's bits, in the order of the numbers. */
const bucketOf = (bits: number): number => (bits & 0x8000_0000 ? ~bits : bits | 0x8000_0000) >>> 16;

/**
 * The lowest bucket that the `count` best scores reach: a detector that knows nothing yet scores millions of pairs
 * above the threshold, too many to sort.
 */
function lowestBucket(scores: Float32Array, bits: Uint32Array, limit: number, count: number): number {
  const sizes = new Uint32Array(BUCKETS);
  for (let i = 0; i < scores.length; i++) if (scores[i]! > limit) sizes[bucketOf(bits[i]!)]!++;
  let bucket = BUCKETS;
  for (let found = 0; found < count && bucket > 0; ) found += sizes[--bucket]!;
  return bucket;
}

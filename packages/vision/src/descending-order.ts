/** Indices of the scores by descending value; equal scores by index, NaN first (as torch sorts it). */
export function descendingOrder(scores: Float32Array): Uint32Array {
  const keys = scores.map((score) => (Number.isNaN(score) ? Infinity : score));
  return Uint32Array.from(keys, (_, i) => i).sort((a, b) => {
    const x = keys[a]!;
    const y = keys[b]!;
    return x === y ? a - b : x > y ? -1 : 1;
  });
}

/** Indices of the scores by descending value; equal scores by index, NaN first (as torch sorts it). */
export function descendingOrder(scores: Float32Array): Uint32Array {
  const order = Uint32Array.from(scores, (_, i) => i);
  const key = (i: number): number => (Number.isNaN(scores[i]!) ? Infinity : scores[i]!);
  return order.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x === y ? a - b : y > x ? 1 : -1;
  });
}

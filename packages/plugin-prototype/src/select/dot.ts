/** `b` with as many elements of `a` from `at` on. Two sums at a time: one would wait for itself at every element. */
export function dotAt(a: Float32Array | Float64Array, at: number, b: Float32Array | Float64Array): number {
  let even = 0;
  let odd = 0;
  const pairs = b.length & ~1;
  for (let i = 0; i < pairs; i += 2) {
    even += a[at + i]! * b[i]!;
    odd += a[at + i + 1]! * b[i + 1]!;
  }
  if (pairs < b.length) even += a[at + pairs]! * b[pairs]!;
  return even + odd;
}

export const dot = (a: Float64Array, b: Float64Array): number => dotAt(a, 0, b);

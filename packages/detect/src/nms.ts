const f = Math.fround;

/**
 * Indices of the boxes that stay, by descending score, equal scores by index: a box goes where one of its class with a
 * higher score covers more of it (IoU in float32) than the threshold.
 * @param boxes [n] of x1 y1 x2 y2
 */
export function nms(
  boxes: readonly Float32Array[],
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  threshold: number,
  limit: number,
): number[] {
  const kept: number[] = [];
  for (const i of descending(scores)) {
    if (kept.length >= limit) break;
    if (!kept.some((k) => labels[k] === labels[i] && iou(boxes[k]!, boxes[i]!) > threshold)) kept.push(i);
  }
  return kept;
}

/** Places of the values, the highest first, equal ones in their order. */
export const descending = (values: ArrayLike<number>): number[] =>
  Array.from(values, (_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b);

function iou(a: Float32Array, b: Float32Array): number {
  const width = f(Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!));
  const height = f(Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!));
  if (!(width > 0 && height > 0)) return 0;
  const inter = f(width * height);
  return f(inter / f(f(area(b) + area(a)) - inter));
}

const area = (box: Float32Array): number => f(f(box[2]! - box[0]!) * f(box[3]! - box[1]!));

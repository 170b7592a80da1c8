import { IGNORED, TRUE, type ClassMatch } from './coco-match.js';

/** Recall at which precision is sampled: 0, 0.01, … 1, as doubles `i * 0.01`. */
export const RECALL_SAMPLES = Float64Array.from({ length: 101 }, (_, i) => (i === 100 ? 1 : i * 0.01));

/** Keeps 0 / 0 at 0. */
export const EPSILON = 2 ** -52;

/**
 * The mean precision over the recall samples, for one row of outcomes: precision made monotone from the right, and 0
 * beyond the recall reached.
 * Only true detections raise recall, and between two of them precision only falls, so that it is enough to look at
 * those.
 * @param offset where the row starts in `match.outcome`
 */
export function averagePrecision(
  match: ClassMatch,
  offset: number,
  positives: number,
  maxDetections: number,
  scratch: Float64Array,
): number {
  const { count, rank, outcome } = match;
  let hits = 0;
  let misses = 0;
  for (let p = 0; p < count; p++) {
    const what = outcome[offset + p]!;
    if (what === IGNORED || rank[p]! >= maxDetections) continue;
    if (what === TRUE) {
      hits++;
      scratch[hits - 1] = hits / (misses + hits + EPSILON);
    } else misses++;
  }
  for (let k = hits - 2; k >= 0; k--) if (scratch[k]! < scratch[k + 1]!) scratch[k] = scratch[k + 1]!;
  let sum = 0;
  let k = 0;
  for (const sample of RECALL_SAMPLES) {
    while (k < hits && (k + 1) / positives < sample) k++;
    if (k === hits) break;
    sum += scratch[k]!;
  }
  return sum / RECALL_SAMPLES.length;
}

/** The recall that the detections up to a rank reach. */
export function recall(match: ClassMatch, offset: number, positives: number, maxDetections: number): number {
  let hits = 0;
  for (let p = 0; p < match.count; p++)
    if (match.outcome[offset + p] === TRUE && match.rank[p]! < maxDetections) hits++;
  return hits / positives;
}

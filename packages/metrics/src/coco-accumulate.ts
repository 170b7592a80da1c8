import { IGNORED, TRUE, type ClassMatch } from './coco-match.js';

/** Recall at which precision is sampled: 0, 0.01, … 1, as doubles `i * 0.01`. */
export const RECALL_SAMPLES = Float64Array.from({ length: 101 }, (_, i) => (i === 100 ? 1 : i * 0.01));

/** Keeps 0 / 0 at 0. */
export const EPSILON = 2 ** -52;

/** True detections, best first. */
export interface Hits {
  /** Objects that are found up to each. */
  readonly found: Float64Array;
  readonly precision: Float64Array;
}

/** Room for so many. */
export const hitsOf = (count: number): Hits => ({
  found: new Float64Array(count),
  precision: new Float64Array(count),
});

/**
 * Precision at the recall samples: made monotone from the right, in place, and 0 beyond the recall reached.
 * Only true detections raise recall, and between two of them precision only falls, so that it is enough to look at
 * those.
 * @param count of the hits that are filled
 */
export function samplePrecision({ found, precision }: Hits, count: number, positives: number): Float64Array {
  for (let k = count - 2; k >= 0; k--) if (precision[k]! < precision[k + 1]!) precision[k] = precision[k + 1]!;
  const sampled = new Float64Array(RECALL_SAMPLES.length);
  let k = 0;
  for (let i = 0; i < sampled.length; i++) {
    while (k < count && found[k]! / positives < RECALL_SAMPLES[i]!) k++;
    if (k === count) break;
    sampled[i] = precision[k]!;
  }
  return sampled;
}

/** The mean over recall samples. */
export function meanPrecision(sampled: Float64Array): number {
  let sum = 0;
  for (const value of sampled) sum += value;
  return sum / sampled.length;
}

/**
 * The average precision of one row of outcomes.
 * @param offset where the row starts in `match.outcome`
 */
export function averagePrecision(
  match: ClassMatch,
  offset: number,
  positives: number,
  maxDetections: number,
  scratch: Hits,
): number {
  const { count, rank, outcome } = match;
  let hits = 0;
  let misses = 0;
  for (let p = 0; p < count; p++) {
    const what = outcome[offset + p]!;
    if (what === IGNORED || rank[p]! >= maxDetections) continue;
    if (what === TRUE) {
      scratch.found[hits] = hits + 1;
      scratch.precision[hits] = ++hits / (misses + hits + EPSILON);
    } else misses++;
  }
  return meanPrecision(samplePrecision(scratch, hits, positives));
}

/** The recall that the detections up to a rank reach. */
export function recall(match: ClassMatch, offset: number, positives: number, maxDetections: number): number {
  let hits = 0;
  for (let p = 0; p < match.count; p++)
    if (match.outcome[offset + p] === TRUE && match.rank[p]! < maxDetections) hits++;
  return hits / positives;
}

import { EPSILON, RECALL_SAMPLES } from './coco-accumulate.js';
import { matchClasses } from './coco-classes.js';
import { IGNORED, type MatchRules, TRUE } from './coco-match.js';
import type { CocoTable } from './coco-table.js';

/** The detections that count of one class at one threshold, best first. */
interface Row {
  readonly image: Int32Array;
  readonly hit: Uint8Array;
}

/**
 * AP of each class when image i counts `times[i]` times, as a bootstrap over images draws them; -1 without objects.
 * Matching is a matter of one image, so that it is done once. Copies of an image stand together in the order of
 * evaluation.
 * @param rules the first range of areas is taken
 */
export function cocoResampler(table: CocoTable, rules: MatchRules): (times: ArrayLike<number>) => Float64Array {
  const classes = [...matchClasses(table, rules)].map(({ objectRows, detectionRows, match }) => {
    const counted = objectRows.filter((row) => counts(table, row, rules));
    return {
      objectImages: counted.map((row) => table.objects.image[row]!),
      rows: Array.from(rules.thresholds, (_, t): Row => {
        const outcome = match.outcome.subarray(t * match.count, (t + 1) * match.count);
        const kept = Int32Array.from(detectionRows.keys()).filter(
          (p) => outcome[p] !== IGNORED && match.rank[p]! < rules.maxDetections,
        );
        return {
          image: kept.map((p) => table.detections.image[detectionRows[p]!]!),
          hit: Uint8Array.from(kept, (p) => (outcome[p] === TRUE ? 1 : 0)),
        };
      }),
    };
  });
  const { length } = table.objects.image;
  const scratch = { hits: new Float64Array(length), precision: new Float64Array(length) };
  return (times) =>
    Float64Array.from(classes, ({ objectImages, rows }) => {
      let positives = 0;
      for (const image of objectImages) positives += times[image]!;
      if (positives === 0) return -1;
      return rows.reduce((sum, row) => sum + weighedPrecision(row, times, positives, scratch), 0) / rows.length;
    });
}

function counts({ objects }: CocoTable, row: number, { areas }: MatchRules): boolean {
  const [smallest, largest] = areas[0]!;
  return objects.crowd[row] !== 1 && objects.area[row]! >= smallest && objects.area[row]! <= largest;
}

/** As `averagePrecision`, with every detection as often as its image. */
function weighedPrecision(
  { image, hit }: Row,
  times: ArrayLike<number>,
  positives: number,
  scratch: { readonly hits: Float64Array; readonly precision: Float64Array },
): number {
  let [hits, misses, found] = [0, 0, 0];
  for (let p = 0; p < image.length; p++) {
    const often = times[image[p]!]!;
    if (often === 0) continue;
    if (hit[p] === 1) {
      hits += often;
      scratch.hits[found] = hits;
      scratch.precision[found++] = hits / (hits + misses + EPSILON);
    } else misses += often;
  }
  const { precision } = scratch;
  for (let k = found - 2; k >= 0; k--) if (precision[k]! < precision[k + 1]!) precision[k] = precision[k + 1]!;
  let sum = 0;
  let k = 0;
  for (const sample of RECALL_SAMPLES) {
    while (k < found && scratch.hits[k]! / positives < sample) k++;
    if (k === found) break;
    sum += precision[k]!;
  }
  return sum / RECALL_SAMPLES.length;
}

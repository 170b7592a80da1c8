import { EPSILON, type Hits, hitsOf, meanPrecision, samplePrecision } from './coco-accumulate.js';
import { type MatchedClass, matchClasses } from './coco-classes.js';
import { IGNORED, type MatchRules, TRUE } from './coco-match.js';
import type { CocoTable } from './coco-table.js';

/** What a class needs to be counted anew. */
interface Counted {
  /** [objects that count] their images */
  readonly objects: Int32Array;
  /** [detections] their images, best first */
  readonly detections: Int32Array;
  /** By threshold, places among the detections. */
  readonly rows: readonly { readonly hits: Int32Array; readonly ignored: Int32Array }[];
}

/**
 * AP of each class when image i counts `times[i]` times, as a bootstrap over images draws them; -1 without objects.
 * Matching is a matter of one image, so that it is done once. Copies of an image stand together in the order of
 * evaluation.
 * @param rules the first range of areas is taken
 */
export function cocoResampler(table: CocoTable, rules: MatchRules): (times: ArrayLike<number>) => Float64Array {
  const classes = [...matchClasses(table, rules)].map((matched) => countedClass(table, matched, rules));
  const most = Math.max(0, ...classes.map(({ detections }) => detections.length));
  const scratch = { seen: new Float64Array(most), ...hitsOf(most) };
  return (times) =>
    Float64Array.from(classes, ({ objects, detections, rows }) => {
      let positives = 0;
      for (const image of objects) positives += times[image]!;
      if (positives === 0) return -1;
      let seen = 0;
      for (let p = 0; p < detections.length; p++) scratch.seen[p] = seen += times[detections[p]!]!;
      let sum = 0;
      for (const row of rows) sum += weighedPrecision(row, { detections, times, positives }, scratch);
      return sum / rows.length;
    });
}

function countedClass(
  table: CocoTable,
  { objectRows, detectionRows, match }: MatchedClass,
  rules: MatchRules,
): Counted {
  const ranked = Int32Array.from(detectionRows.keys()).filter((p) => match.rank[p]! < rules.maxDetections);
  const places = (t: number, outcome: number): Int32Array =>
    Int32Array.from(ranked.keys()).filter((i) => match.outcome[t * match.count + ranked[i]!] === outcome);
  return {
    objects: objectRows.filter((row) => counts(table, row, rules)).map((row) => table.objects.image[row]!),
    detections: ranked.map((p) => table.detections.image[detectionRows[p]!]!),
    rows: Array.from(rules.thresholds, (_, t) => ({ hits: places(t, TRUE), ignored: places(t, IGNORED) })),
  };
}

function counts({ objects }: CocoTable, row: number, { areas }: MatchRules): boolean {
  const [smallest, largest] = areas[0]!;
  return objects.crowd[row] !== 1 && objects.area[row]! >= smallest && objects.area[row]! <= largest;
}

interface Drawn {
  readonly detections: Int32Array;
  readonly times: ArrayLike<number>;
  readonly positives: number;
}

interface Scratch extends Hits {
  /** [detections] how many there are up to each, all copies counted */
  readonly seen: Float64Array;
}

/**
 * As `averagePrecision`, with every detection as often as its image. Precision is asked for at true detections alone:
 * of the others it is enough to know how many come before.
 */
function weighedPrecision(
  { hits, ignored }: Counted['rows'][number],
  { detections, times, positives }: Drawn,
  scratch: Scratch,
): number {
  const { seen, found, precision } = scratch;
  let [right, without, at, n] = [0, 0, 0, 0];
  for (const p of hits) {
    const often = times[detections[p]!]!;
    if (often === 0) continue;
    for (; at < ignored.length && ignored[at]! < p; at++) without += times[detections[ignored[at]!]!]!;
    right += often;
    found[n] = right;
    precision[n++] = right / (seen[p]! - without + EPSILON);
  }
  return meanPrecision(samplePrecision(scratch, n, positives));
}

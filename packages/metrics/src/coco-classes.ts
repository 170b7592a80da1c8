import { type ClassMatch, matchClass, type MatchRules } from './coco-match.js';
import type { CocoTable } from './coco-table.js';
import { allRows, groupRows, sortByScore } from './order.js';

export interface MatchedClass {
  /** Rows of the class's objects, by image. */
  readonly objectRows: Int32Array;
  /** Rows of its detections in the order of evaluation, as in `match`. */
  readonly detectionRows: Int32Array;
  readonly match: ClassMatch;
}

/** Matches the detections of every class, one after the other. */
export function* matchClasses(table: CocoTable, rules: MatchRules): Generator<MatchedClass> {
  const { objects, detections } = table;
  const ascending = (image: Int32Array): Int32Array =>
    groupRows(allRows(image.length), (row) => image[row]!, table.images).rows;
  const objectsOf = groupRows(ascending(objects.image), (row) => objects.label[row]!, table.classes);
  const detectionsOf = groupRows(ascending(detections.image), (row) => detections.label[row]!, table.classes);
  for (let label = 0; label < table.classes; label++) {
    const objectRows = objectsOf.rows.subarray(objectsOf.start[label]!, objectsOf.start[label + 1]!);
    const detectionRows = sortByScore(
      detectionsOf.rows.subarray(detectionsOf.start[label]!, detectionsOf.start[label + 1]!),
      detections.score,
    );
    yield { objectRows, detectionRows, match: matchClass(table, objectRows, detectionRows, rules) };
  }
}

import type { CocoTable } from './coco-table.js';
import { groupRows } from './order.js';

/** What became of a detection at one IoU threshold in one area range; 0 is a false one. */
export const TRUE = 1;
export const IGNORED = 2;

/** The matching of one class. Detections are in the order of evaluation: falling score, then image, then as given. */
export interface ClassMatch {
  readonly count: number;
  /** [count] place of the detection among those of its image and class, best first. */
  readonly rank: Int32Array;
  /** [areas, thresholds, count] 0 (false), TRUE or IGNORED. */
  readonly outcome: Uint8Array;
  /** Where the rules ask for it, as `outcome`: place of the object that a detection took, else -1. */
  readonly object?: Int32Array;
  /** [areas] objects that count. */
  readonly positives: Int32Array;
}

export interface MatchRules {
  readonly thresholds: Float64Array;
  /** Smallest and largest area of each range, both inside. */
  readonly areas: readonly (readonly [number, number])[];
  /** Detections beyond this rank in their image and class are not matched. */
  readonly maxDetections: number;
  readonly keepObjects?: boolean;
}

/**
 * Matches the detections of one class with its objects, image by image. A detection takes the best free object with an
 * IoU of at least the
 * threshold, the later of equals; an ignored one (crowd, or outside of the area range) only where no other fits, and a
 * crowd takes any number.
 * @param objectRows rows of the class's objects, by image
 * @param detectionRows rows of the class's detections in the order of evaluation
 */
export function matchClass(
  table: CocoTable,
  objectRows: Int32Array,
  detectionRows: Int32Array,
  rules: MatchRules,
): ClassMatch {
  const { objects, detections } = table;
  const { thresholds, areas, maxDetections } = rules;
  const count = detectionRows.length;
  const rank = new Int32Array(count);
  const outcome = new Uint8Array(areas.length * thresholds.length * count);
  const object = rules.keepObjects === true ? new Int32Array(outcome.length).fill(-1) : undefined;
  const positives = new Int32Array(areas.length);

  // [areas, objects of the class]
  const objectIgnored = new Uint8Array(areas.length * objectRows.length);
  areas.forEach(([smallest, largest], a) => {
    for (let g = 0; g < objectRows.length; g++) {
      const area = objects.area[objectRows[g]!]!;
      const ignored = objects.crowd[objectRows[g]!] === 1 || area < smallest || area > largest;
      if (ignored) objectIgnored[a * objectRows.length + g] = 1;
      else positives[a]!++;
    }
    for (let p = 0; p < count; p++) {
      const at = 4 * detectionRows[p]!;
      const area = detections.box[at + 2]! * detections.box[at + 3]!;
      if (area >= smallest && area <= largest) continue;
      for (let t = 0; t < thresholds.length; t++) outcome[(a * thresholds.length + t) * count + p] = IGNORED;
    }
  });

  const positions = Int32Array.from({ length: count }, (_, p) => p);
  const byImage = groupRows(positions, (p) => detections.image[detectionRows[p]!]!, table.images);
  // At one threshold an object may be taken once: it then holds the number of the pass that took it.
  const taken = new Int32Array(objectRows.length);
  let pass = 0;
  // Pairs that reach the lowest threshold, detection after detection, the objects in their order.
  let pairObject = new Int32Array(256);
  let pairIou = new Float64Array(256);
  const lowest = Math.min(thresholds[0]!, ALMOST_ONE);

  let firstObject = 0;
  for (let image = 0; image < table.images; image++) {
    const from = byImage.start[image]!;
    for (let p = from; p < byImage.start[image + 1]!; p++) rank[byImage.rows[p]!] = p - from;
    let endObject = firstObject;
    while (endObject < objectRows.length && objects.image[objectRows[endObject]!] === image) endObject++;
    const here = byImage.rows.subarray(from, Math.min(byImage.start[image + 1]!, from + maxDetections));
    if (endObject === firstObject || here.length === 0) {
      firstObject = endObject;
      continue;
    }

    const pairStart = new Int32Array(here.length + 1);
    let pairs = 0;
    for (let d = 0; d < here.length; d++) {
      for (let g = firstObject; g < endObject; g++) {
        const iou = boxIou(
          detections.box,
          4 * detectionRows[here[d]!]!,
          objects.box,
          4 * objectRows[g]!,
          objects.crowd[objectRows[g]!] === 1,
        );
        if (!(iou >= lowest)) continue;
        if (pairs === pairObject.length) {
          pairObject = enlarged(pairObject, new Int32Array(2 * pairs));
          pairIou = enlarged(pairIou, new Float64Array(2 * pairs));
        }
        pairObject[pairs] = g;
        pairIou[pairs++] = iou;
      }
      pairStart[d + 1] = pairs;
    }
    firstObject = endObject;
    if (pairs === 0) continue;

    for (let a = 0; a < areas.length; a++) {
      const ignoredAt = a * objectRows.length;
      for (let t = 0; t < thresholds.length; t++) {
        pass++;
        const row = (a * thresholds.length + t) * count;
        for (let d = 0; d < here.length; d++) {
          let best = -1;
          // Objects that count first; the ignored ones only where none of those matched.
          for (let ignored = 0; ignored < 2 && best < 0; ignored++) {
            let least = Math.min(thresholds[t]!, ALMOST_ONE);
            for (let i = pairStart[d]!; i < pairStart[d + 1]!; i++) {
              const g = pairObject[i]!;
              if (objectIgnored[ignoredAt + g] !== ignored || pairIou[i]! < least) continue;
              if (taken[g] === pass && objects.crowd[objectRows[g]!] === 0) continue;
              least = pairIou[i]!;
              best = g;
            }
          }
          if (best < 0) continue;
          taken[best] = pass;
          if (object !== undefined) object[row + here[d]!] = best;
          outcome[row + here[d]!] = objectIgnored[ignoredAt + best] === 1 ? IGNORED : TRUE;
        }
      }
    }
  }
  return { count, rank, outcome, positives, ...(object && { object }) };
}

/** A threshold of 1 still accepts an IoU that rounding left a touch below it. */
const ALMOST_ONE = 1 - 1e-10;

/** IoU of x, y, width, height boxes; with a crowd, the share of the detection that lies inside. */
function boxIou(a: Float64Array, i: number, b: Float64Array, j: number, crowd: boolean): number {
  const width = Math.min(a[i + 2]! + a[i]!, b[j + 2]! + b[j]!) - Math.max(a[i]!, b[j]!);
  if (width <= 0) return 0;
  const height = Math.min(a[i + 3]! + a[i + 1]!, b[j + 3]! + b[j + 1]!) - Math.max(a[i + 1]!, b[j + 1]!);
  if (height <= 0) return 0;
  const intersection = width * height;
  const area = a[i + 2]! * a[i + 3]!;
  return intersection / (crowd ? area : area + b[j + 2]! * b[j + 3]! - intersection);
}

function enlarged<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

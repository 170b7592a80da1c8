import { KdError, shown } from '@kd/core';
import { checkTable } from './check-table.js';
import { allRows, groupRows, sortByScore } from './order.js';
import type { VocTable } from './voc-table.js';

export interface VocOptions {
  /** A detection is true when its IoU is greater than this. Default 0.5. */
  readonly iou?: number;
  /** Boxes are inclusive pixel corners, as in the annotation files: a width is x2 - x1 + 1. Default false. */
  readonly plusOne?: boolean;
}

export interface VocClassResult {
  /** Objects that are not difficult. */
  readonly objects: number;
  /** True detections. */
  readonly hits: number;
  /** False detections. */
  readonly misses: number;
  /** Mean of the best precision at recall 0, 0.1, … 1 or more (VOC 2007); -1 without objects. */
  readonly ap11Point: number;
  /** Area under the monotone precision-recall curve (VOC 2010 and later); -1 without objects. */
  readonly apAllPoint: number;
}

export interface VocResult {
  /** Means over the classes that have objects; -1 where none has. */
  readonly ap11Point: number;
  readonly apAllPoint: number;
  readonly perClass: readonly VocClassResult[];
}

/**
 * Average precision by the rules of the Pascal VOC development kit: a detection looks at the object of its image and
 * class with the largest
 * IoU, be it taken or not, the first of equals.
 * @throws KdError USAGE for an IoU outside of [0, 1), and for rows of no image or class
 */
export const evaluateVoc = (table: VocTable, options: VocOptions = {}): VocResult =>
  evaluateVocAt(table, [options.iou ?? 0.5], options)[0]!;

/** The same at several IoUs, for which the objects are looked for once. */
export function evaluateVocAt(
  table: VocTable,
  ious: readonly number[],
  { plusOne = false }: Pick<VocOptions, 'plusOne'> = {},
): readonly VocResult[] {
  checkTable(table);
  const wrong = ious.find((iou) => !(typeof iou === 'number' && iou >= 0 && iou < 1));
  if (wrong !== undefined) throw new KdError('USAGE', `iou is ${shown(wrong)}; a number from 0 to below 1 is wanted.`);
  const byLabel = (label: Int32Array) => groupRows(allRows(label.length), (row) => label[row]!, table.classes);
  const objects = byLabel(table.objects.label);
  const detections = byLabel(table.detections.label);
  const perClass = Array.from({ length: table.classes }, (_, label) => {
    const objectRows = objects.rows.subarray(objects.start[label]!, objects.start[label + 1]!);
    const detectionRows = sortByScore(
      detections.rows.subarray(detections.start[label]!, detections.start[label + 1]!),
      table.detections.score,
    );
    const found = nearestObjects(table, objectRows, detectionRows, plusOne ? 1 : 0);
    return ious.map((iou) => classResult(table, objectRows, found, iou));
  });
  return ious.map((_, i) => {
    const own = perClass.map((results) => results[i]!);
    const counted = own.filter((one) => one.objects > 0);
    const mean = (key: 'ap11Point' | 'apAllPoint'): number =>
      counted.length === 0 ? -1 : counted.reduce((sum, one) => sum + one[key], 0) / counted.length;
    return { ap11Point: mean('ap11Point'), apAllPoint: mean('apAllPoint'), perClass: own };
  });
}

/** Per detection, by falling score. */
interface Nearest {
  /** Row of the object of the image with the largest IoU, -1 where there is none. */
  readonly row: Int32Array;
  readonly iou: Float64Array;
}

function nearestObjects(
  { objects, detections, images }: VocTable,
  objectRows: Int32Array,
  detectionRows: Int32Array,
  one: number,
): Nearest {
  const byImage = groupRows(objectRows, (row) => objects.image[row]!, images);
  const found = {
    row: new Int32Array(detectionRows.length).fill(-1),
    iou: new Float64Array(detectionRows.length).fill(-Infinity),
  };
  detectionRows.forEach((row, d) => {
    const image = detections.image[row]!;
    for (let i = byImage.start[image]!; i < byImage.start[image + 1]!; i++) {
      const iou = boxIou(detections.box, 4 * row, objects.box, 4 * byImage.rows[i]!, one);
      if (iou > found.iou[d]!) [found.iou[d], found.row[d]] = [iou, byImage.rows[i]!];
    }
  });
  return found;
}

function classResult(
  { objects }: VocTable,
  objectRows: Int32Array,
  nearest: Nearest,
  threshold: number,
): VocClassResult {
  const positives = objectRows.reduce((count, row) => count + (objects.difficult[row] === 1 ? 0 : 1), 0);
  const taken = new Set<number>();
  // Precision and recall behind each true detection; between two of them recall stays and precision only falls.
  const precision: number[] = [];
  let misses = 0;
  nearest.row.forEach((object, d) => {
    if (!(nearest.iou[d]! > threshold)) misses++;
    else if (objects.difficult[object] === 1) return;
    else if (taken.has(object)) misses++;
    else {
      taken.add(object);
      precision.push((precision.length + 1) / (precision.length + 1 + misses));
    }
  });
  const hits = precision.length;
  for (let k = hits - 2; k >= 0; k--) precision[k] = Math.max(precision[k]!, precision[k + 1]!);

  let eleven = 0;
  for (let i = 0, k = 0; i <= 10; i++) {
    while (k < hits && (k + 1) / positives < i * 0.1) k++;
    eleven += (precision[k] ?? 0) / 11;
  }
  let area = 0;
  precision.forEach((value, k) => (area += ((k + 1) / positives - k / positives) * value));
  return {
    objects: positives,
    hits,
    misses,
    ap11Point: positives === 0 ? -1 : eleven,
    apAllPoint: positives === 0 ? -1 : area,
  };
}

/** IoU of corner boxes whose sides are `one` longer than the difference of their corners. */
function boxIou(a: Float64Array, i: number, b: Float64Array, j: number, one: number): number {
  const width = Math.max(Math.min(a[i + 2]!, b[j + 2]!) - Math.max(a[i]!, b[j]!) + one, 0);
  const height = Math.max(Math.min(a[i + 3]!, b[j + 3]!) - Math.max(a[i + 1]!, b[j + 1]!) + one, 0);
  const intersection = width * height;
  const area = (box: Float64Array, at: number): number =>
    (box[at + 2]! - box[at]! + one) * (box[at + 3]! - box[at + 1]! + one);
  return intersection / (area(a, i) + area(b, j) - intersection);
}

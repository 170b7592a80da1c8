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
 * Average precision by the rules of the Pascal VOC development kit: a detection looks at the object of its image and class with the largest
 * IoU, be it taken or not, the first of equals.
 */
export function evaluateVoc(table: VocTable, options: VocOptions = {}): VocResult {
  const byLabel = (label: Int32Array) => groupRows(allRows(label.length), (row) => label[row]!, table.classes);
  const objects = byLabel(table.objects.label);
  const detections = byLabel(table.detections.label);
  const perClass = Array.from({ length: table.classes }, (_, label) =>
    evaluateClass(
      table,
      objects.rows.subarray(objects.start[label]!, objects.start[label + 1]!),
      sortByScore(detections.rows.subarray(detections.start[label]!, detections.start[label + 1]!), table.detections.score),
      options.iou ?? 0.5,
      options.plusOne === true ? 1 : 0,
    ),
  );
  const counted = perClass.filter((one) => one.objects > 0);
  const mean = (key: 'ap11Point' | 'apAllPoint'): number =>
    counted.length === 0 ? -1 : counted.reduce((sum, one) => sum + one[key], 0) / counted.length;
  return { ap11Point: mean('ap11Point'), apAllPoint: mean('apAllPoint'), perClass };
}

function evaluateClass({ objects, detections, images }: VocTable, objectRows: Int32Array, detectionRows: Int32Array, threshold: number, one: number): VocClassResult {
  const byImage = groupRows(objectRows, (row) => objects.image[row]!, images);
  const positives = objectRows.reduce((count, row) => count + (objects.difficult[row] === 1 ? 0 : 1), 0);
  const taken = new Set<number>();
  // Precision and recall behind each true detection; between two of them recall stays and precision only falls.
  const precision: number[] = [];
  let misses = 0;
  for (const row of detectionRows) {
    const image = detections.image[row]!;
    let largest = -Infinity;
    let nearest = -1;
    for (let i = byImage.start[image]!; i < byImage.start[image + 1]!; i++) {
      const iou = boxIou(detections.box, 4 * row, objects.box, 4 * byImage.rows[i]!, one);
      if (iou > largest) [largest, nearest] = [iou, byImage.rows[i]!];
    }
    if (!(largest > threshold)) misses++;
    else if (objects.difficult[nearest] === 1) continue;
    else if (taken.has(nearest)) misses++;
    else {
      taken.add(nearest);
      precision.push((precision.length + 1) / (precision.length + 1 + misses));
    }
  }
  const hits = precision.length;
  for (let k = hits - 2; k >= 0; k--) precision[k] = Math.max(precision[k]!, precision[k + 1]!);

  let eleven = 0;
  for (let i = 0, k = 0; i <= 10; i++) {
    while (k < hits && (k + 1) / positives < i * 0.1) k++;
    eleven += (precision[k] ?? 0) / 11;
  }
  let area = 0;
  precision.forEach((value, k) => (area += ((k + 1) / positives - k / positives) * value));
  return { objects: positives, hits, misses, ap11Point: positives === 0 ? -1 : eleven, apAllPoint: positives === 0 ? -1 : area };
}

/** IoU of corner boxes whose sides are `one` longer than the difference of their corners. */
function boxIou(a: Float64Array, i: number, b: Float64Array, j: number, one: number): number {
  const width = Math.max(Math.min(a[i + 2]!, b[j + 2]!) - Math.max(a[i]!, b[j]!) + one, 0);
  const height = Math.max(Math.min(a[i + 3]!, b[j + 3]!) - Math.max(a[i + 1]!, b[j + 1]!) + one, 0);
  const intersection = width * height;
  const area = (box: Float64Array, at: number): number => (box[at + 2]! - box[at]! + one) * (box[at + 3]! - box[at + 1]! + one);
  return intersection / (area(a, i) + area(b, j) - intersection);
}

import type { GroundTruth, ImageDetections } from '@kd/core';
import { EPSILON, hitsOf, samplePrecision } from './coco-accumulate.js';
import { matchClasses } from './coco-classes.js';
import { IGNORED, TRUE } from './coco-match.js';
import { contractColumns } from './contract-columns.js';
import { cocoTableOf } from './contract-table.js';

type Corners = readonly [number, number, number, number];

export interface DetectionOutcome {
  /** Place in the images of the ground truth. */
  readonly image: number;
  /** x1 y1 x2 y2 in pixels of the image */
  readonly box: Corners;
  readonly score: number;
  /** Whether it found an object that no better detection had found. */
  readonly hit: boolean;
}

export interface ObjectOutcome {
  readonly image: number;
  readonly box: Corners;
  /** As annotated, in square pixels. */
  readonly area: number;
  /** Of the detection that found it; null where none did. */
  readonly score: number | null;
}

/** What counts of one class; crowds, and what lies on them, does not. */
export interface ClassOutcomes {
  /** Falling score. */
  readonly detections: readonly DetectionOutcome[];
  readonly objects: readonly ObjectOutcome[];
}

/** COCO's limit. */
const MAX_DETECTIONS = 100;

/**
 * What became of every detection and object by COCO's matching at one IoU, for each class. A detection never takes what
 * a better one took, so that those from any score on are matched as if there were no others.
 */
export function outcomes(truth: GroundTruth, found: readonly ImageDetections[], iou = 0.5): ClassOutcomes[] {
  const columns = contractColumns(truth, found);
  const table = cocoTableOf(columns);
  const { objects, detections } = table;
  const rules = {
    thresholds: Float64Array.of(iou),
    areas: [[0, Infinity]] as const,
    maxDetections: MAX_DETECTIONS,
    keepObjects: true,
  };
  return [...matchClasses(table, rules)].map(({ objectRows, detectionRows, match }) => {
    const { count, outcome, rank, object } = match;
    const scoreOf = new Map<number, number>();
    const counted: DetectionOutcome[] = [];
    for (let p = 0; p < count; p++) {
      if (outcome[p] === IGNORED || rank[p]! >= MAX_DETECTIONS) continue;
      const row = detectionRows[p]!;
      const hit = outcome[p] === TRUE;
      const score = detections.score[row]!;
      if (hit) scoreOf.set(object![p]!, score);
      counted.push({ image: columns.places[detections.image[row]!]!, box: corners(detections.box, row), score, hit });
    }
    return {
      detections: counted,
      objects: Array.from(objectRows, (row, g) => ({ row, score: scoreOf.get(g) ?? null }))
        .filter(({ row }) => objects.crowd[row] === 0)
        .map(({ row, score }) => ({
          image: columns.places[objects.image[row]!]!,
          box: corners(objects.box, row),
          area: objects.area[row]!,
          score,
        })),
    };
  });
}

const corners = (sizes: Float64Array, row: number): Corners => {
  const [x, y, width, height] = sizes.subarray(4 * row, 4 * row + 4) as unknown as Corners;
  return [x, y, x + width, y + height];
};

/**
 * Precision at the recalls 0, 0.01, … 1 as COCO samples it: the highest at this recall or beyond, 0 where none reaches
 * it. Its mean is the average precision at the IoU of the outcomes. Null without objects.
 */
export function precisionRecall({ detections, objects }: ClassOutcomes): Float64Array | null {
  if (objects.length === 0) return null;
  const hits = hitsOf(detections.length);
  let count = 0;
  detections.forEach(({ hit }, i) => {
    if (!hit) return;
    hits.found[count] = count + 1;
    hits.precision[count] = ++count / (i + 1 + EPSILON);
  });
  return samplePrecision(hits, count, objects.length);
}

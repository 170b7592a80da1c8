import { KdError, type GroundTruth, type ImageDetections, type ImageRecord } from '@kd/core';

/**
 * Ground truth and detections of core's metric port as columns; boxes are x1, y1, x2, y2, images in ascending order of
 * their ids.
 */
export interface ContractColumns {
  readonly images: number;
  /** [images] place of each in the list of the ground truth */
  readonly places: Int32Array;
  readonly classes: number;
  readonly objects: {
    readonly image: Int32Array;
    readonly label: Int32Array;
    readonly box: Float64Array;
    readonly area: Float64Array;
    readonly ignore: Uint8Array;
  };
  readonly detections: {
    readonly image: Int32Array;
    readonly label: Int32Array;
    readonly box: Float64Array;
    readonly score: Float64Array;
  };
}

/**
 * Image order settles equal scores, so that it must not depend on the order in which a loader gave the images.
 * @throws KdError DATA_INVALID naming the image: detections of an unknown image, twice of the same, with a label out of
 *   range or not finite
 */
export function contractColumns(truth: GroundTruth, found: readonly ImageDetections[]): ContractColumns {
  const places = Int32Array.from(truth.images.keys()).sort((a, b) =>
    compareIds(truth.images[a]!.id, truth.images[b]!.id),
  );
  const images = Array.from(places, (place) => truth.images[place]!);
  const numberOf = new Map(images.map(({ id }, number) => [id, number]));
  const sorted = ordered(found, numberOf);
  const classes = truth.categories.length;

  const annotations = images.flatMap((image, number) =>
    image.annotations.map((annotation) => ({ number, annotation })),
  );
  const objects = {
    image: Int32Array.from(annotations, ({ number }) => number),
    label: Int32Array.from(annotations, ({ annotation }) => annotation.label),
    box: Float64Array.from(annotations.flatMap(({ annotation }) => annotation.box)),
    area: Float64Array.from(annotations, ({ annotation }) => annotation.area),
    ignore: Uint8Array.from(annotations, ({ annotation }) => (annotation.ignore ? 1 : 0)),
  };

  const count = sorted.reduce((sum, { scores }) => sum + scores.length, 0);
  const detections = {
    image: new Int32Array(count),
    label: new Int32Array(count),
    box: new Float64Array(4 * count),
    score: new Float64Array(count),
  };
  let at = 0;
  for (const one of sorted) {
    check(one, classes);
    detections.image.fill(numberOf.get(one.id)!, at, at + one.scores.length);
    detections.label.set(one.labels, at);
    detections.box.set(one.boxes, 4 * at);
    detections.score.set(one.scores, at);
    at += one.scores.length;
  }
  return { images: images.length, places, classes, objects, detections };
}

/** Numbers before strings, each ascending. */
function compareIds(a: ImageRecord['id'], b: ImageRecord['id']): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function ordered(found: readonly ImageDetections[], numberOf: ReadonlyMap<number | string, number>): ImageDetections[] {
  const seen = new Set<number | string>();
  for (const { id } of found) {
    if (!numberOf.has(id))
      throw new KdError(
        'DATA_INVALID',
        `there are detections of image ${id}, which the data set does not have. Evaluate on the data set that was predicted.`,
      );
    if (seen.has(id))
      throw new KdError('DATA_INVALID', `image ${id} has two sets of detections. Give each image once.`);
    seen.add(id);
  }
  return [...found].sort((a, b) => numberOf.get(a.id)! - numberOf.get(b.id)!);
}

function check({ id, boxes, scores, labels }: ImageDetections, classes: number): void {
  const fail = (why: string): never => {
    throw new KdError('DATA_INVALID', `detections of image ${id}: ${why}.`);
  };
  if (boxes.length !== 4 * scores.length || labels.length !== scores.length)
    fail(
      `${boxes.length / 4} boxes, ${scores.length} scores and ${labels.length} labels; there must be as many of each`,
    );
  for (let i = 0; i < scores.length; i++) {
    if (!Number.isFinite(scores[i]))
      fail(`the score of detection ${i} is ${scores[i]}; the network has diverged, or its output is damaged`);
    if (!(labels[i]! >= 0 && labels[i]! < classes))
      fail(`the label of detection ${i} is ${labels[i]}, but there are ${classes} classes, counted from 0`);
  }
  for (let i = 0; i < boxes.length; i++)
    if (!Number.isFinite(boxes[i]))
      fail(`box ${i >> 2} has the corner ${boxes[i]}; the network has diverged, or its output is damaged`);
}

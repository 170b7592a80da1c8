import { checkMembers, KdError } from '@kd/core';
import { detectionColumns, objectColumns, type CocoTable } from './coco-table.js';

/** An instances file of COCO, as far as evaluation reads it. */
export interface CocoInstances {
  readonly images: readonly { readonly id: number }[];
  readonly categories: readonly { readonly id: number }[];
  readonly annotations: readonly {
    readonly image_id: number;
    readonly category_id: number;
    /** x, y, width, height */
    readonly bbox: readonly number[];
    readonly area?: number;
    readonly iscrowd?: number;
  }[];
}

/** A row of a COCO result file. */
export interface CocoDetection {
  readonly image_id: number;
  readonly category_id: number;
  /** x, y, width, height */
  readonly bbox: readonly number[];
  readonly score: number;
}

/**
 * The table of an instances file and a result file. Only `iscrowd` makes an object an ignored one; ids may be any
 * numbers, 0 among them.
 * Detections of a category that the instances do not have are left out, as the COCO tools do.
 * @throws KdError DATA_INVALID for a detection of an unknown image, or one that is not finite
 */
export function cocoTable(instances: CocoInstances, results: readonly CocoDetection[]): CocoTable {
  const lists = { images: 'list', categories: 'list', annotations: 'list' } as const;
  checkMembers(instances, lists, 'the instances of COCO', 'USAGE');
  if (!Array.isArray(results)) throw new KdError('USAGE', 'the detections of COCO must be a list.');
  const numbered = (rows: readonly { readonly id: number }[]): Map<number, number> =>
    new Map(
      rows
        .map(({ id }) => id)
        .sort((a, b) => a - b)
        .map((id, number) => [id, number]),
    );
  const images = numbered(instances.images);
  const categories = numbered(instances.categories);
  const annotations = instances.annotations.filter(
    (one) => images.has(one.image_id) && categories.has(one.category_id),
  );
  const kept = results.filter((one) => categories.has(one.category_id));

  const objects = objectColumns(annotations.length);
  annotations.forEach(({ image_id, category_id, bbox, area, iscrowd }, row) => {
    objects.image[row] = images.get(image_id)!;
    objects.label[row] = categories.get(category_id)!;
    objects.box.set(bbox, 4 * row);
    objects.area[row] = area ?? bbox[2]! * bbox[3]!;
    objects.crowd[row] = iscrowd ? 1 : 0;
  });
  const detections = detectionColumns(kept.length);
  kept.forEach(({ image_id, category_id, bbox, score }, row) => {
    const image = images.get(image_id);
    if (image === undefined)
      throw new KdError(
        'DATA_INVALID',
        `result ${row}: there is no image ${image_id} in the instances. Evaluate the results against the file that they were made from.`,
      );
    if (bbox.length !== 4 || !bbox.every(Number.isFinite) || !Number.isFinite(score)) {
      throw new KdError(
        'DATA_INVALID',
        `result ${row} (image ${image_id}): box [${bbox.join(', ')}] with score ${score} is not four finite numbers and a score. Leave it out, or correct what wrote it.`,
      );
    }
    detections.image[row] = image;
    detections.label[row] = categories.get(category_id)!;
    detections.box.set(bbox, 4 * row);
    detections.score[row] = score;
  });
  return { images: images.size, classes: categories.size, objects, detections };
}

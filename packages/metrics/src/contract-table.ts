import type { CocoTable } from './coco-table.js';
import type { ContractColumns } from './contract-columns.js';

/** Columns of core's port as COCO has them, in place. */
export const cocoTableOf = ({ objects, detections, images, classes }: ContractColumns): CocoTable => ({
  images,
  classes,
  objects: {
    image: objects.image,
    label: objects.label,
    area: objects.area,
    crowd: objects.ignore,
    box: cornersToSizes(objects.box),
  },
  detections: { ...detections, box: cornersToSizes(detections.box) },
});

/** x1, y1, x2, y2 to x, y, width, height, in place. */
function cornersToSizes(box: Float64Array): Float64Array {
  for (let i = 0; i < box.length; i += 4) {
    box[i + 2]! -= box[i]!;
    box[i + 3]! -= box[i + 1]!;
  }
  return box;
}

/**
 * Objects and detections of a data set as columns. Images are numbered in ascending order of their ids, classes in that
 * of the categories.
 */
export interface CocoTable {
  readonly images: number;
  readonly classes: number;
  readonly objects: ObjectColumns;
  readonly detections: DetectionColumns;
}

interface BoxColumns {
  /** [n] number of the image */
  readonly image: Int32Array;
  /** [n] number of the class */
  readonly label: Int32Array;
  /** [n, 4] x, y, width, height in pixels, continuous */
  readonly box: Float64Array;
}

export interface ObjectColumns extends BoxColumns {
  /** [n] square pixels: decides the area range, and may be smaller than the box */
  readonly area: Float64Array;
  /** [n] 1 for a crowd region */
  readonly crowd: Uint8Array;
}

export interface DetectionColumns extends BoxColumns {
  /** [n] finite; in the order that settles equal scores */
  readonly score: Float64Array;
}

export const objectColumns = (count: number): ObjectColumns => ({
  image: new Int32Array(count),
  label: new Int32Array(count),
  box: new Float64Array(4 * count),
  area: new Float64Array(count),
  crowd: new Uint8Array(count),
});

export const detectionColumns = (count: number): DetectionColumns => ({
  image: new Int32Array(count),
  label: new Int32Array(count),
  box: new Float64Array(4 * count),
  score: new Float64Array(count),
});

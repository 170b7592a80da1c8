import { checkMembers, KdError } from '@kd/core';

/** Objects and detections as columns; boxes are x1, y1, x2, y2. */
export interface VocTable {
  readonly images: number;
  readonly classes: number;
  readonly objects: {
    readonly image: Int32Array;
    readonly label: Int32Array;
    /** [n, 4] */
    readonly box: Float64Array;
    /** [n] 1 for an object that neither counts nor makes a detection false */
    readonly difficult: Uint8Array;
  };
  readonly detections: {
    readonly image: Int32Array;
    readonly label: Int32Array;
    /** [n, 4] */
    readonly box: Float64Array;
    /** [n] finite; equal scores keep their order */
    readonly score: Float64Array;
  };
}

/** The same as rows with names. */
export interface VocRows {
  readonly classes: readonly string[];
  readonly objects: readonly {
    readonly image: string;
    readonly class: string;
    readonly box: readonly number[];
    readonly difficult: number;
  }[];
  readonly detections: readonly {
    readonly image: string;
    readonly class: string;
    readonly score: number;
    readonly box: readonly number[];
  }[];
}

/** @throws KdError DATA_INVALID for a class that is not in the list */
export function vocTable(rows: VocRows): VocTable {
  checkMembers(rows, { classes: 'list', objects: 'list', detections: 'list' }, 'the rows of VOC', 'USAGE');
  const { classes, objects, detections } = rows;
  const images = new Map<string, number>();
  const imageOf = (name: string): number => {
    if (!images.has(name)) images.set(name, images.size);
    return images.get(name)!;
  };
  const labelOf = (name: string): number => {
    const label = classes.indexOf(name);
    if (label < 0)
      throw new KdError(
        'DATA_INVALID',
        `the class "${name}" is not among ${classes.join(', ')}. Add it to the list of classes, or leave its rows out.`,
      );
    return label;
  };
  const columns = (
    rows: readonly { readonly image: string; readonly class: string; readonly box: readonly number[] }[],
  ) => ({
    image: Int32Array.from(rows, (row) => imageOf(row.image)),
    label: Int32Array.from(rows, (row) => labelOf(row.class)),
    box: Float64Array.from(rows.flatMap((row) => [...row.box])),
  });
  return {
    objects: { ...columns(objects), difficult: Uint8Array.from(objects, (row) => (row.difficult ? 1 : 0)) },
    detections: { ...columns(detections), score: Float64Array.from(detections, (row) => row.score) },
    classes: classes.length,
    images: images.size,
  };
}

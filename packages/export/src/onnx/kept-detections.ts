import type { OnnxBuilder } from './builder.js';
import { columns, float, sideOf } from './boxes.js';
import { countOf } from './count-of.js';
import type { OnnxMap } from './network.js';

/** Scored boxes of a batch, each of one class: n an image, those that are not valid fill up. */
export interface Candidates {
  /** [b, n, 4] */
  readonly boxes: string;
  /** [b, n] */
  readonly scores: string;
  /** [b, n] int64 */
  readonly labels: string;
  /** [b, n] bool */
  readonly valid: string;
}

export interface KeepOptions {
  readonly classes: number;
  readonly nmsThresh: number;
  readonly detectionsPerImg: number;
  /** Boxes with a side below this after clipping are dropped. */
  readonly minSide?: number | undefined;
  /** Whether a side of just that is enough, which it is by default. */
  readonly minSideInclusive?: boolean;
}

/** Names of tensors: `boxes` [m, 4], `scores` [m], `labels` [m] and `image` [m], the images one after the other. */
export interface Kept {
  readonly boxes: string;
  readonly scores: string;
  readonly labels: string;
  readonly image: string;
  /** [m, 2]: image, and rank in it */
  readonly places: string;
  /** [b, r], of as many columns as there can be ranks */
  readonly ranks: string;
}

/** Below every score, and what stands where there is none. */
const LEAST = -0.5;
export const NONE = -1;

/** Boxes clipped to the images, NMS per class, and the best of each image by descending score, equal ones by index. */
export function keptDetections(b: OnnxBuilder, found: Candidates, images: OnnxMap, options: KeepOptions): Kept {
  const boxes = clipped(b, found.boxes, images);
  const valid = large(b, boxes, found.valid, options);
  const each = b.ints(
    Array.from({ length: options.classes }, (_, i) => i),
    [1, options.classes, 1],
  );
  const middle = b.ints([1]);
  const own = b.node('Equal', [b.node('Unsqueeze', [found.labels, middle]), each]);
  const none = b.floats([NONE], []);
  const scores = b.node('Where', [
    b.node('And', [own, b.node('Unsqueeze', [valid, middle])]),
    b.node('Unsqueeze', [found.scores, middle]),
    none,
  ]); // [b, k, n]
  const selected = b.node('NonMaxSuppression', [
    boxes,
    scores,
    b.ints([options.detectionsPerImg]),
    b.floats([floorToFloat(options.nmsThresh)]),
    b.floats([LEAST]),
  ]); // [m, 3]: image, class, box, in no order that matters
  const at = b.node('Gather', [selected, b.ints([0, 2])], { axis: 1 });
  const empty = b.node('Expand', [none, b.node('Shape', [found.scores])]);
  const kept = b.node('ScatterND', [empty, at, b.node('GatherND', [found.scores, at])]); // [b, n]
  const [best, columnsOf] = b.many('TopK', [kept, countOf(b, kept, null, options.detectionsPerImg)], 2, {
    axis: 1,
  }) as [string, string];
  const places = b.node('Transpose', [b.node('NonZero', [b.node('Greater', [best, b.floats([LEAST], [])])])], {
    perm: [1, 0],
  }); // [m, 2]: image, rank
  const image = b.node('Gather', [places, b.ints([0], [])], { axis: 1 });
  const last = b.ints([1]);
  const rows = b.node(
    'Concat',
    [b.node('Unsqueeze', [image, last]), b.node('Unsqueeze', [b.node('GatherND', [columnsOf, places]), last])],
    { axis: 1 },
  ); // [m, 2]: image, candidate
  return {
    boxes: b.node('GatherND', [boxes, rows]),
    scores: b.node('GatherND', [best, places]),
    labels: b.node('GatherND', [found.labels, rows]),
    image,
    places,
    ranks: best,
  };
}

/** Boxes [b, n, 4] inside of the images. */
export function clipped(b: OnnxBuilder, boxes: string, images: OnnxMap): string {
  return b.node('Min', [b.node('Max', [boxes, b.floats([0], [])]), limits()]);

  function limits(): string {
    if (images.size) return b.floats([images.size[1], images.size[0], images.size[1], images.size[0]]);
    const side = (axis: 0 | 1): string => float(b, b.node('Unsqueeze', [sideOf(b, images, axis), b.ints([0])]));
    const [height, width] = [side(0), side(1)];
    return b.node('Concat', [width, height, width, height], { axis: 0 });
  }
}

function large(
  b: OnnxBuilder,
  boxes: string,
  valid: string,
  { minSide, minSideInclusive = true }: KeepOptions,
): string {
  if (minSide === undefined) return valid;
  const [x1, y1, x2, y2] = columns(b, boxes);
  const least = b.floats([minSide], []);
  return [b.node('Sub', [x2, x1]), b.node('Sub', [y2, y1])].reduce((rest, side) => {
    const enough = b.node(minSideInclusive ? 'GreaterOrEqual' : 'Greater', [side, least]);
    return b.node('And', [rest, b.node('Squeeze', [enough, b.ints([2])])]);
  }, valid);
}

/**
 * The largest float32 that is no more than a number: a float32 is above the one exactly when it is above the other, and
 * IoUs are compared with the number itself.
 */
function floorToFloat(value: number): number {
  const nearest = Math.fround(value);
  if (nearest <= value) return nearest;
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, nearest);
  bits.setUint32(0, bits.getUint32(0) - 1);
  return bits.getFloat32(0);
}

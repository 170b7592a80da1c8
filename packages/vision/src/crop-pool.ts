import * as tf from '@tensorflow/tfjs-core';

/** Elements of a block of the matrix of crops: 64 MB. */
const BLOCK_ELEMENTS = 1 << 24;

/**
 * How pixels become cells: by the stride, or by [vertical, horizontal] ones; or by the exact ratio of the map to the
 * padded input
 * [height, width], as banks of prototypes are built.
 */
export type CropScale = number | readonly [number, number] | { readonly input: readonly [number, number] };

/** First cell and cell behind the last one, [b, n, 1] each. */
type Range = readonly [tf.Tensor3D, tf.Tensor3D];

/**
 * The mean of a map over the cells that a box covers, [trunc(x1 / stride), trunc(x2 / stride)] with both ends and
 * likewise y, clamped to the
 * map so that a crop has at least one cell. The gradient flows into the map, an equal part to every cell of the crop,
 * and not into the boxes.
 * How instances are described by Tang et al. (ECCV 2022).
 *
 * A matrix of zeros and ones, a crop a row, times the map: corners of an integral image would cancel in float32. On a
 * fine level that matrix
 * is large, so it is made block by block, and again for the gradient.
 * @param map [b, h, w, c]
 * @param boxes [b, n, 4] in pixels of the resized image
 * @param blockElements of the matrix at a time
 * @returns [b, n, c]
 */
export function cropPool(
  map: tf.Tensor4D,
  boxes: tf.Tensor3D,
  scale: CropScale,
  blockElements = BLOCK_ELEMENTS,
): tf.Tensor3D {
  const [b, h, w, c] = map.shape;
  const n = boxes.shape[1];
  if (n === 0) return tf.zeros([b, 0, c]);
  const size = Math.max(1, Math.floor(blockElements / (b * h * w)));
  const blocks = Array.from({ length: Math.ceil(n / size) }, (_, i): readonly [number, number] => [
    i * size,
    Math.min(size, n - i * size),
  ]);
  const part = (x: tf.Tensor, [from, count]: readonly [number, number]): tf.Tensor3D =>
    tf.slice(x as tf.Tensor3D, [0, from, 0], [-1, count, -1]);
  const pool = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([boxes]);
    return {
      value: tf.tidy(() => {
        const cells = tf.reshape(x as tf.Tensor4D, [b, h * w, c]);
        return tf.concat(
          blocks.map((block) =>
            tf.tidy(() => {
              const { inside, area } = crops(part(boxes, block), [h, w], scale);
              return tf.div<tf.Tensor3D>(tf.matMul(inside, cells), area);
            }),
          ),
          1,
        );
      }),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.tidy(() => {
          const parts = blocks.map((block) =>
            tf.tidy(() => {
              const { inside, area } = crops(part(saved[0]!, block), [h, w], scale);
              return tf.matMul(inside, tf.div<tf.Tensor3D>(part(dy, block), area), true, false);
            }),
          );
          return tf.reshape(
            parts.reduce((sum, one) => tf.add(sum, one)),
            [b, h, w, c],
          );
        }),
    };
  });
  return pool(map) as tf.Tensor3D;
}

interface Crops {
  /** [b, n, h·w] 1 for the cells of a crop */
  readonly inside: tf.Tensor3D;
  /** [b, n, 1] their number */
  readonly area: tf.Tensor3D;
}

function crops(boxes: tf.Tensor3D, [h, w]: readonly [number, number], scale: CropScale): Crops {
  const [b, n] = boxes.shape;
  // [b, n, 1]
  const [left, top, right, bottom] = tf.split(boxes, 4, 2) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  const across = cellRange(left, right, toCells(scale, 1, w), w);
  const down = cellRange(top, bottom, toCells(scale, 0, h), h);
  const inside = tf.mul(tf.expandDims(members(down, h), 3), tf.expandDims(members(across, w), 2)); // [b, n, h, w]
  return {
    inside: tf.reshape(inside, [b, n, h * w]),
    area: tf.mul(tf.sub(across[1], across[0]), tf.sub(down[1], down[0])),
  };
}

function toCells(scale: CropScale, axis: 0 | 1, size: number): (pixels: tf.Tensor) => tf.Tensor {
  if (typeof scale === 'object' && 'input' in scale)
    return (pixels) => tf.mul(pixels, Math.fround(size / scale.input[axis]));
  const stride = typeof scale === 'number' ? scale : scale[axis];
  return (pixels) => tf.div(pixels, stride);
}

function cellRange(low: tf.Tensor, high: tf.Tensor, cells: (pixels: tf.Tensor) => tf.Tensor, size: number): Range {
  // What is not below 0 is truncated by floor.
  const cell = (pixels: tf.Tensor): tf.Tensor => tf.clipByValue(tf.floor(cells(tf.maximum(pixels, 0))), 0, size - 1);
  const first = cell(low);
  return [first, tf.add(tf.maximum(first, cell(high)), 1)] as unknown as Range;
}

/** [b, n, size] 1 for the cells in a range */
function members([from, to]: Range, size: number): tf.Tensor {
  const cells = tf.range(0, size);
  return tf.cast(tf.logicalAnd(tf.greaterEqual(cells, from), tf.less(cells, to)), 'float32');
}

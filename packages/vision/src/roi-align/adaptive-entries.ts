import { gatherRows } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { type RegionAxis, regionCells } from './region-cells.js';
import type { Layout, Sampling } from './sampling.js';
import type { SparseEntries } from './sparse-product.js';

/**
 * The cells that the bins of each region read along one axis, bin after bin, in a fixed number of slots. What stands in
 * slots behind those in use means nothing.
 */
interface Slots {
  /** [r, slots] int32 */
  readonly bin: tf.Tensor2D;
  /** [r, slots] int32 */
  readonly cell: tf.Tensor2D;
  /** [r, slots] */
  readonly weight: tf.Tensor2D;
  /** [r, 1] int32: slots in use */
  readonly used: tf.Tensor2D;
}

/** Samples of a bin are more than half a cell apart: so many at most reach one cell, two cells wide. */
const NEAR = 6;

/**
 * What every bin reads, when the number of samples follows from the size of the region. The samples of a bin share most
 * of their cells, so each cell is read once with the sum of its weights. The number of entries is the largest that so
 * many regions can have; those that these do not have weigh nothing.
 * @param boxes [b, n, 4] in pixels
 * @param levels [b, n] int32
 */
export function adaptiveEntries(
  boxes: tf.Tensor3D,
  levels: tf.Tensor2D,
  layout: Layout,
  sampling: Sampling,
): SparseEntries {
  const { sides } = layout;
  const { size } = sampling;
  const r = levels.size;
  const cells = regionCells(boxes, levels, layout, sampling);
  const axis = (of: RegionAxis, side: 0 | 1): Slots =>
    slots(of, { bins: size[side], most: Math.max(...sides.map((level) => level[side])) + slack(size[side]) });
  const [y, x] = [axis(cells.y, 0), axis(cells.x, 1)];

  const firstBin = tf.mul(tf.range(0, r, 1, 'int32'), tf.scalar(size[0] * size[1], 'int32'));
  // [r · slots, 2] the shares of both axes in row and column of an entry
  const pairs = (row: tf.Tensor, column: tf.Tensor): tf.Tensor2D => tf.reshape(tf.stack([row, column], 2), [-1, 2]);
  const down = pairs(
    tf.add(tf.reshape(firstBin, [r, 1]), tf.mul(y.bin, tf.scalar(size[1], 'int32'))),
    tf.add(cells.firstRow, tf.mul(y.cell, cells.ofLevel(sides.map(([, width]) => width)))),
  );
  const right = pairs(x.bin, x.cell);

  const most = r * Math.max(...sides.map((_, level) => mostOfLevel(layout, level, size)));
  const slotOf = (of: Slots, owner: tf.Tensor, slot: tf.Tensor): tf.Tensor1D =>
    tf.add(tf.mul(owner, tf.scalar(of.cell.shape[1], 'int32')), slot);
  const counts = tf.reshape(tf.mul(y.used, x.used), [r]) as tf.Tensor1D;
  // [most] each: millions of numbers, so that what is not needed any more goes at once.
  const [atY, atX] = tf.tidy(() => {
    const { owner, local } = tf.tidy(() => placesOf(counts, most));
    const wide = tf.maximum(tf.gather(tf.reshape(x.used, [r]), owner), tf.scalar(1, 'int32'));
    const row = tf.floorDiv(local, wide);
    return [slotOf(y, owner, row), slotOf(x, owner, tf.sub(local, tf.mul(row, wide)))];
  }) as [tf.Tensor1D, tf.Tensor1D];
  const weights = tf.tidy(() => {
    const weigh = (of: Slots, slot: tf.Tensor1D): tf.Tensor => tf.gather(tf.reshape(of.weight, [-1]), slot);
    const real = tf.cast(tf.less(tf.range(0, most, 1, 'int32'), tf.sum(counts)), 'float32');
    return tf.mul(tf.mul(weigh(y, atY), weigh(x, atX)), real) as tf.Tensor1D;
  });
  return { indices: tf.tidy(() => tf.add(tf.gather(down, atY), tf.gather(right, atX))), weights };
}

/** Entries that fill up are spread over so many: one place alone would be waited for by all threads of a GPU. */
const SPREAD = 4096;

/**
 * Of entries of regions one after the other: whose each is, and which of the region's own.
 * @param counts [r] int32 entries of the regions
 * @param most entries of the result; behind the last one they repeat the first ones
 */
function placesOf(
  counts: tf.Tensor1D,
  most: number,
): { readonly owner: tf.Tensor1D; readonly local: tf.Tensor1D } & tf.TensorContainerObject {
  const one = tf.scalar(1, 'int32');
  const ends = tf.cumsum(counts);
  const begins = tf.sub(ends, counts); // [r]
  const last = tf.sub(tf.slice(ends, counts.size - 1, 1), one); // [1]
  const place = tf.range(0, most, 1, 'int32');
  const filled = tf.slice(tf.tile(tf.range(0, SPREAD, 1, 'int32'), [Math.ceil(most / SPREAD)]), 0, most);
  const entry = tf.where(tf.lessEqual(place, last), place, tf.minimum(filled, tf.maximum(last, tf.scalar(0, 'int32'))));
  // A mark where a region begins, several where regions have none: their running sum is the region of a place.
  const marks = tf.scatterND(tf.expandDims(begins, 1), tf.onesLike(begins), [most + 1]);
  const owner = tf.sub(tf.gather(tf.cumsum(marks), entry), one) as tf.Tensor1D;
  return { owner, local: tf.sub(entry, tf.gather(begins, owner)) };
}

/** Bins that meet share a cell or two. */
const slack = (bins: number): number => 2 * bins + 1;

/** The most entries that a region of a level can have. */
function mostOfLevel({ sides, areas }: Layout, level: number, [rows, columns]: Sampling['size']): number {
  const [height, width] = sides[level]!;
  const area = areas?.[level] ?? Infinity;
  // Bins with n samples read n + 1 cells at most; n samples are those of bins of more than n - 1 cells.
  const cells = (bins: number, samples: number, side: number): number =>
    Math.min(bins * (samples + 1), side + slack(bins));
  let most = 0;
  for (let samples = 1; samples <= Math.ceil(height / rows) + 2; samples++) {
    const wide = Math.min(width + columns, area / (rows * (samples - 1)));
    most = Math.max(most, cells(rows, samples, height) * cells(columns, Math.max(1, Math.ceil(wide / columns)), width));
  }
  return most;
}

function slots(
  { start, bin, side }: RegionAxis,
  { bins, most }: { readonly bins: number; readonly most: number },
): Slots {
  const r = start.shape[0];
  const samples = tf.maximum(tf.ceil(bin), 0); // [r, 1] of each bin; none where a region is empty
  const shown = tf.maximum(samples, 1);
  const begins = tf.add(start, tf.mul(bin, tf.range(0, bins))) as tf.Tensor2D; // [r, bins]
  const sample = (begin: tf.Tensor, k: tf.Tensor | number, length: tf.Tensor = bin, count = shown): tf.Tensor =>
    tf.add(begin, tf.div(tf.mul(tf.add(k, 0.5), length), count));
  const last = tf.sub(side, 1);
  const within = <T extends tf.Tensor>(position: T, most = last): T => tf.minimum(tf.maximum(position, 0), most);
  const [low, high] = [sample(begins, 0), sample(begins, tf.sub(shown, 1))];
  const reads = tf.logicalAnd(
    tf.greater(samples, 0),
    tf.logicalAnd(tf.greaterEqual(high, -1), tf.lessEqual(low, side)),
  ); // [r, bins]
  const first = tf.floor(within(low));
  const count = tf.mul(tf.cast(reads, 'int32'), tf.cast(tf.add(tf.sub(tf.ceil(within(high)), first), 1), 'int32'));
  const ends = tf.cumsum(count, 1); // [r, bins]

  const slot = tf.range(0, most, 1, 'int32');
  // [r, most] the bin of a slot: as many end before it
  const before = tf.lessEqual(tf.expandDims(ends, 2), tf.reshape(slot, [1, 1, most])); // [r, bins, most]
  const owner = tf.minimum(tf.sum(tf.cast(before, 'int32'), 1), tf.scalar(bins - 1, 'int32')) as tf.Tensor2D;
  const ofBin = (values: tf.Tensor): tf.Tensor2D => gatherRows<tf.Tensor2D>(values, owner);
  const used = tf.slice(ends, [0, bins - 1], [r, 1]) as tf.Tensor2D;
  const offset = tf.cast(tf.sub(slot, ofBin(tf.sub(ends, count))), 'float32');
  const cell = within(tf.add(ofBin(first), offset)) as tf.Tensor2D;

  // The samples around the cell, and the share of each: that of a bilinear sample between its two cells.
  const begin = tf.expandDims(ofBin(begins), 2); // [r, most, 1]
  const perRegion = (x: tf.Tensor): tf.Tensor => tf.expandDims(x, 2);
  const [length, number, limit] = [perRegion(bin), perRegion(shown), perRegion(side)]; // [r, 1, 1]
  const centre = tf.expandDims(cell, 2);
  const distance = tf.maximum(tf.div(length, number), 1e-6);
  const nearest = tf.floor(tf.sub(tf.div(tf.sub(tf.sub(centre, 1), begin), distance), 0.5));
  const k = tf.add(within(nearest, tf.sub(number, 1)), tf.range(0, NEAR)); // [r, most, NEAR]
  const position = sample(begin, k, length, number);
  const counted = tf.logicalAnd(
    tf.less(k, number),
    tf.logicalAnd(tf.greaterEqual(position, -1), tf.lessEqual(position, limit)),
  );
  const share = tf.sub(1, tf.abs(tf.sub(within(position, perRegion(last)), centre)));
  const weight = tf.div(tf.sum(tf.mul(tf.maximum(share, 0), tf.cast(counted, 'float32')), 2), shown) as tf.Tensor2D;
  return { bin: owner, cell: tf.cast(cell, 'int32'), weight, used };
}

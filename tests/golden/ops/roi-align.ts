import { inferredScales, multiScaleRoiAlign, roiAlign, type RoiAlignOptions } from '@kd/vision';
import { runOp } from '@kd/engine-tensorflow';
import * as tf from '@tensorflow/tfjs-core';
import { only } from '../support/index.js';
import { out, rowsOf, tensorOf, type Inputs, type Op, type Params } from './case.js';

const nhwc = (x: tf.Tensor): tf.Tensor4D => tf.transpose(x, [0, 2, 3, 1]) as tf.Tensor4D;
/** [b, n, s, s, c] as torch's [r, c, s, s] of b · n regions. */
const regions = (x: tf.Tensor5D): tf.Tensor4D => tf.transpose(flat(x), [0, 3, 1, 2]);
/** [b, n, s, s, c] as [b · n, s, s, c]. */
function flat(x: tf.Tensor5D): tf.Tensor4D {
  const [b, n, height, width, c] = x.shape;
  return tf.reshape(x, [b * n, height, width, c]);
}

const optionsOf = ({ output_size: size, sampling_ratio: samplingRatio, aligned }: Params): RoiAlignOptions => ({
  outputSize: size as number | [number, number],
  samplingRatio: samplingRatio as number,
  aligned: (aligned as boolean | undefined) ?? false,
  ...(tf.getBackend() === 'tensorflow' && { runOp }),
});

/** Regions [r, 5], the image first, as boxes of each image; `rows` are those of the regions among all boxes. */
function boxesByImage(
  list: readonly number[][],
  images: number,
): { readonly boxes: tf.Tensor3D; readonly rows: number[] } {
  const own = Array.from({ length: images }, (_, image) => list.filter(([of]) => of === image));
  const n = Math.max(...own.map(({ length }) => length));
  const padded = own.map((of) => Array.from({ length: n }, (_, i) => of[i]?.slice(1) ?? [0, 0, 1, 1]));
  const seen = own.map(() => 0);
  return { boxes: tf.tensor3d(padded, [images, n, 4]), rows: list.map(([image]) => image! * n + seen[image!]!++) };
}

export function alignedRegions(
  map: tf.Tensor4D,
  rois: readonly number[][],
  options: RoiAlignOptions & { readonly scale: number },
): tf.Tensor4D {
  const { boxes, rows } = boxesByImage(rois, map.shape[0]);
  const pooled = roiAlign(map, boxes, options);
  return tf.gather(flat(pooled), rows);
}

const single: Op = {
  reordered: true,
  prepare: ({ x, rois }: Inputs, params) => {
    const leaves = { x: tensorOf(x!) };
    const own = rowsOf(rois!);
    const options = { ...optionsOf(params), scale: params['spatial_scale'] as number };
    return { leaves, forward: () => out(tf.transpose(alignedRegions(nhwc(leaves.x), own, options), [0, 3, 1, 2])) };
  },
};

/** Inputs `<prefix>0`, `<prefix>1`, … in order. */
const numbered = (inputs: Inputs, prefix: string): [string, tf.Tensor][] =>
  Object.keys(inputs)
    .filter((name) => new RegExp(`^${prefix}\\d+$`).test(name))
    .sort()
    .map((name) => [name, tensorOf(inputs[name]!)]);

const pyramid: Op = {
  reordered: true,
  prepare: (inputs, params) => {
    const { image_sizes, canonical_scale, canonical_level, inferred_scales, k_min, k_max } = params;
    const features = (params['featmap_names'] as string[]).map(
      (name) => [`feature${name}`, tensorOf(inputs[`feature${name}`]!)] as const,
    );
    const boxes = tf.stack(numbered(inputs, 'boxes').map(([, of]) => of)) as tf.Tensor3D;
    only('per_image', params['per_image'], boxes.shape[1]);
    const imageSizes = image_sizes as [number, number][];
    const options = {
      ...optionsOf(params),
      imageSizes,
      canonicalScale: canonical_scale as number,
      canonicalLevel: canonical_level as number,
    };
    const scales = inferredScales(
      features.map(([, { shape }]) => shape[2]!),
      imageSizes,
    );
    if (JSON.stringify(scales) !== JSON.stringify(inferred_scales))
      throw new Error(`scales ${JSON.stringify(scales)}, expected ${JSON.stringify(inferred_scales)}`);
    only('k_min, k_max', [k_min, k_max], [-Math.log2(scales[0]!), -Math.log2(scales.at(-1)!)]);
    return {
      leaves: Object.fromEntries(features),
      forward: () => {
        const { features: pooled, levels } = multiScaleRoiAlign(
          features.map(([, map]) => nhwc(map)),
          boxes,
          options,
        );
        return { out: regions(pooled), levels: tf.reshape(levels, [-1]) };
      },
    };
  },
};

export const roiAlignOps: Readonly<Record<string, Op>> = { roi_align: single, MultiScaleRoIAlign: pyramid };

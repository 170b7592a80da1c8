import type { HostBatch, ImageDetections } from '@kd/core';
import { type BoxCoderOptions, decodeBoxes, keptDetections, topCandidates } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { FasterRcnnConfig } from './options.js';
import type { Proposals } from './proposals.js';

/** Boxes of every class of every proposal, with their scores. */
export interface RegionScores {
  /** [b, n, k + 1, 4], the background first, or [b, n, 1, 4] for all classes */
  readonly boxes: tf.Tensor4D;
  /** [b, n, k] probabilities of the classes, -1 off the mask */
  readonly scores: tf.Tensor3D;
}

/**
 * To be called inside of a tidy.
 * @param regions.probabilities [b, n, k + 1], the background first
 * @param regions.deltas [b, n, (k + 1)·4], or [b, n, 4] for all classes
 */
export function regionScores(
  {
    boxes,
    mask,
    probabilities,
    deltas,
  }: Pick<Proposals, 'boxes' | 'mask'> & { readonly probabilities: tf.Tensor3D; readonly deltas: tf.Tensor3D },
  coder: BoxCoderOptions,
): RegionScores {
  const [b, n] = mask.shape;
  const objects = tf.slice(probabilities, [0, 0, 1], [b, n, probabilities.shape[2] - 1]);
  return {
    boxes: decodeBoxes(
      tf.reshape(deltas, [b, n, deltas.shape[2] / 4, 4]),
      tf.expandDims(boxes, 2),
      coder,
    ) as tf.Tensor4D,
    scores: tf.where(tf.cast(tf.expandDims(mask, 2), 'bool'), objects, -1),
  };
}

export interface RegionDetectionOptions extends Pick<FasterRcnnConfig, 'post'> {
  /** A side in pixels below which a detection is dropped; none without it. */
  readonly minSide?: number;
}

/**
 * Detections of a batch: every class of every proposal above the threshold, NMS per class on the host. Disposes
 * nothing.
 */
export async function regionDetections(
  { boxes, scores }: RegionScores,
  sizes: Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids'>,
  { post, minSide }: RegionDetectionOptions,
): Promise<ImageDetections[]> {
  const [, n, classes] = scores.shape;
  const perBox = boxes.shape[2]; // 1, or with the background
  const [corners, values] = (await Promise.all([boxes.data(), scores.data()])) as [Float32Array, Float32Array];
  return sizes.ids.map((id, image) => {
    const own = values.subarray(image * n * classes, (image + 1) * n * classes);
    const pairs = topCandidates(own, post.scoreThresh, own.length);
    return keptDetections(
      corners.subarray(image * n * perBox * 4, (image + 1) * n * perBox * 4),
      {
        priors: Array.from(
          pairs,
          (pair) => Math.floor(pair / classes) * perBox + (perBox === 1 ? 0 : (pair % classes) + 1),
        ),
        labels: Array.from(pairs, (pair) => pair % classes),
        scores: Float32Array.from(pairs, (pair) => own[pair]!),
      },
      {
        id,
        imageSize: sizes.imageSizes[image]!,
        originalSize: sizes.originalSizes[image]!,
        ...(minSide !== undefined && { minSide }),
        ...post,
      },
    );
  });
}

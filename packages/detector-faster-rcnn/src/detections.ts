import type { HostBatch, ImageDetections } from '@kd/core';
import { type BoxCoderOptions, decodeBoxes, keptDetections, topCandidates } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { FasterRcnnConfig } from './options.js';
import type { Proposals } from './proposals.js';

export interface RegionScores {
  /** [b, n, k + 1], the background first */
  readonly probabilities: tf.Tensor3D;
  /** [b, n, (k + 1)·4], or [b, n, 4] for all classes */
  readonly deltas: tf.Tensor3D;
}

export interface RegionDetectionOptions extends Pick<FasterRcnnConfig, 'post'> {
  readonly coder: BoxCoderOptions;
  /** A side in pixels below which a detection is dropped; none without it. */
  readonly minSide?: number;
}

/**
 * Detections of a batch: every class of every proposal above the threshold, NMS per class on the host. Disposes
 * nothing.
 */
export async function regionDetections(
  { boxes, mask }: Pick<Proposals, 'boxes' | 'mask'>,
  { probabilities, deltas }: RegionScores,
  sizes: Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids'>,
  { post, coder, minSide }: RegionDetectionOptions,
): Promise<ImageDetections[]> {
  const [b, n] = mask.shape;
  const classes = probabilities.shape[2] - 1;
  const perBox = deltas.shape[2] / 4; // 1, or with the background
  const [decoded, scores] = tf.tidy(() => {
    const all = decodeBoxes(tf.reshape(deltas, [b, n, perBox, 4]), tf.expandDims(boxes, 2), coder); // [b, n, perBox, 4]
    const objects = tf.slice(probabilities, [0, 0, 1], [b, n, classes]);
    return [all, tf.where(tf.cast(tf.expandDims(mask, 2), 'bool'), objects, -1)]; // [b, n, k]
  });
  const [corners, values] = (await Promise.all([decoded!.data(), scores!.data()])) as [Float32Array, Float32Array];
  tf.dispose([decoded!, scores!]);
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

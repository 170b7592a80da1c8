import type { DetectorOutput, HostBatch, ImageDetections, Priors } from '@kd/core';
import { type BoxCoderOptions, decodeBoxes, flattenLevels, nms, topCandidates } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { RetinaNetConfig } from './options.js';

type Sizes = Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids'>;

/**
 * Per image and level the best (anchor, class) pairs above the threshold, decoded, clipped to the resized image; then NMS
 * per class over all levels; the best ones in pixels of the original image. Selection runs on the host: two passes over the
 * logits there cost less than sorting all of them on the device.
 */
export async function detections(
  output: DetectorOutput,
  priors: Priors,
  sizes: Sizes,
  { classes, coder, post }: { readonly classes: number; readonly coder: BoxCoderOptions; readonly post: RetinaNetConfig['post'] },
): Promise<ImageDetections[]> {
  const boxes = tf.tidy(() => decodeBoxes(flattenLevels(output.predictions['reg']!, 4), tf.expandDims(priors.boxes, 0), coder)); // [b, a, 4]
  try {
    const [decoded, ...logits] = (await Promise.all([boxes, ...output.predictions['cls']!].map((tensor) => tensor.data()))) as Float32Array[];
    const anchors = boxes.shape[1]!;
    return sizes.ids.map((id, image) => {
      const found = candidatesOf(logits, image, sizes.ids.length, classes, post);
      const corners = clipped(decoded!.subarray(image * anchors * 4, (image + 1) * anchors * 4), found.anchors, sizes.imageSizes[image]!);
      const kept = nms(corners, found.scores, { threshold: post.nmsThresh, classes: found.labels, limit: post.detectionsPerImg });
      return {
        id,
        boxes: restored(corners, kept, sizes.imageSizes[image]!, sizes.originalSizes[image]!),
        scores: Float32Array.from(kept, (i) => found.scores[i]!),
        labels: Int32Array.from(kept, (i) => found.labels[i]!),
      };
    });
  } finally {
    boxes.dispose();
  }
}

interface Candidates {
  /** Index of the anchor over all levels. */
  readonly anchors: Int32Array;
  readonly labels: Int32Array;
  readonly scores: Float32Array;
}

function candidatesOf(levels: readonly Float32Array[], image: number, images: number, classes: number, post: RetinaNetConfig['post']): Candidates {
  const anchors: number[] = [];
  const labels: number[] = [];
  const scores: number[] = [];
  let firstAnchor = 0;
  for (const level of levels) {
    const size = level.length / images;
    const { indices, values } = aboveThreshold(level.subarray(image * size, (image + 1) * size), post.scoreThresh);
    for (const i of topCandidates(values, post.scoreThresh, post.topkCandidates)) {
      const index = indices[i]!;
      anchors.push(firstAnchor + Math.floor(index / classes));
      labels.push(index % classes);
      scores.push(values[i]!);
    }
    firstAnchor += size / classes;
  }
  return { anchors: Int32Array.from(anchors), labels: Int32Array.from(labels), scores: Float32Array.from(scores) };
}

/** Scores of the logits that may pass: most do not, and an exponential each would be the costliest part. */
function aboveThreshold(logits: Float32Array, threshold: number): { readonly indices: number[]; readonly values: Float32Array } {
  const cut = threshold <= 0 ? -Infinity : Math.log(threshold / (1 - threshold)) - 1e-3;
  const indices: number[] = [];
  for (let i = 0; i < logits.length; i++) if (logits[i]! >= cut) indices.push(i);
  return { indices, values: Float32Array.from(indices, (i) => 1 / (1 + Math.exp(-logits[i]!))) };
}

function clipped(decoded: Float32Array, anchors: Int32Array, [height, width]: readonly [number, number]): Float32Array {
  const limits = [width, height, width, height];
  return Float32Array.from({ length: anchors.length * 4 }, (_, i) => Math.min(Math.max(decoded[anchors[i >> 2]! * 4 + (i & 3)]!, 0), limits[i & 3]!));
}

/** Kept boxes in pixels of the original image: float32 quotients of the sizes, per axis. */
function restored(corners: Float32Array, kept: Int32Array, resized: readonly [number, number], original: readonly [number, number]): Float32Array {
  const y = Math.fround(original[0] / resized[0]);
  const x = Math.fround(original[1] / resized[1]);
  return Float32Array.from({ length: kept.length * 4 }, (_, i) => corners[kept[i >> 2]! * 4 + (i & 3)]! * (i % 2 === 0 ? x : y));
}

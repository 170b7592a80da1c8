import type { DetectorOutput, HostBatch, ImageDetections, Priors } from '@kd/core';
import { type Candidates, flattenLevels, keptDetections, topCandidates } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { SharedConfig } from './options.js';

export interface DetectionOptions {
  readonly classes: number;
  /** Width of a box' code. */
  readonly codes: number;
  readonly decode: (codes: tf.Tensor3D, priors: Priors) => tf.Tensor3D;
  readonly post: SharedConfig['post'];
}

/**
 * Per image and level the best pairs (anchor, class) whose class score is above the threshold; boxes without area inside of the image drop out;
 * the score becomes the product with the centerness where the detector has one; NMS per class over all levels. Selection runs on the host.
 */
export async function detections(output: DetectorOutput, priors: Priors, sizes: Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids'>, { classes, codes, decode, post }: DetectionOptions): Promise<ImageDetections[]> {
  const { cls, reg, centerness = [] } = output.predictions;
  const boxes = tf.tidy(() => decode(flattenLevels(reg!, codes), priors)); // [b, a, 4]
  try {
    const [decoded, ...maps] = (await Promise.all([boxes, ...cls!, ...centerness].map((tensor) => tensor.data()))) as Float32Array[];
    return sizes.ids.map((id, image) => {
      const own = ([decoded!, ...maps] as const).map((values) => values.subarray((image * values.length) / sizes.ids.length, ((image + 1) * values.length) / sizes.ids.length));
      const [corners, ...logits] = own as [Float32Array, ...Float32Array[]];
      const [imageSize, originalSize] = [sizes.imageSizes[image]!, sizes.originalSizes[image]!];
      const found = candidatesOf(logits.slice(0, cls!.length), logits.slice(cls!.length), classes, post).filter(({ prior }) => hasArea(corners, prior * 4, imageSize));
      const columns: Candidates = { priors: found.map(({ prior }) => prior), labels: found.map(({ label }) => label), scores: Float32Array.from(found, ({ score }) => score) };
      return keptDetections(corners, columns, { ...post, id, imageSize, originalSize });
    });
  } finally {
    boxes.dispose();
  }
}

interface Candidate {
  /** Index over all levels. */
  readonly prior: number;
  readonly label: number;
  readonly score: number;
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

function candidatesOf(cls: readonly Float32Array[], centerness: readonly Float32Array[], classes: number, { scoreThresh, topkCandidates }: SharedConfig['post']): Candidate[] {
  let first = 0;
  return cls.flatMap((logits, level) => {
    const { indices, scores } = aboveThreshold(logits, scoreThresh);
    const start = first;
    first += logits.length / classes;
    return Array.from(topCandidates(scores, scoreThresh, topkCandidates), (i): Candidate => {
      const place = Math.floor(indices[i]! / classes);
      const factor = centerness[level] === undefined ? 1 : sigmoid(centerness[level][place]!);
      return { prior: start + place, label: indices[i]! % classes, score: Math.fround(scores[i]! * factor) };
    });
  });
}

/** Scores of the logits that may pass: most do not, and an exponential each would be the costliest part. */
function aboveThreshold(logits: Float32Array, threshold: number): { readonly indices: number[]; readonly scores: Float32Array } {
  const cut = threshold <= 0 ? -Infinity : Math.log(threshold / (1 - threshold)) - 1e-3;
  const indices: number[] = [];
  for (let i = 0; i < logits.length; i++) if (logits[i]! >= cut) indices.push(i);
  return { indices, scores: Float32Array.from(indices, (i) => sigmoid(logits[i]!)) };
}

/** Whether a box, clipped to its image, has an area. */
function hasArea(corners: Float32Array, at: number, [height, width]: readonly [number, number]): boolean {
  const clip = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit);
  return clip(corners[at + 2]!, width) > clip(corners[at]!, width) && clip(corners[at + 3]!, height) > clip(corners[at + 1]!, height);
}

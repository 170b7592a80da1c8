import type { HostBatch, ImageDetections } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import { type Candidates, keptDetections } from './kept-detections.js';
import { topCandidates } from './top-candidates.js';

export interface DenseMaps {
  /** Class logits per level, [b, h, w, a·k] */
  readonly cls: readonly tf.Tensor4D[];
  /** [b, priors, 4], decoded, in pixels of the resized image */
  readonly boxes: tf.Tensor3D;
  /** Logits per level, [b, h, w, a], of how well a prior can tell its box: centerness. */
  readonly quality?: readonly tf.Tensor4D[];
}

export interface DenseDetectionOptions {
  /**
   * torchvision: the score is the geometric mean of class and quality, and the threshold holds for it. mmdetection: the
   * threshold
   * and the choice of the best hold for the class, only then comes the product with the quality; boxes without area are
   * dropped.
   */
  readonly flavour: 'torchvision' | 'mmdet';
  readonly classes: number;
  readonly scoreThresh: number;
  readonly nmsThresh: number;
  readonly detectionsPerImg: number;
  /** Best pairs of prior and class of each level that go on. */
  readonly topkCandidates: number;
}

type Scored = Pick<DenseDetectionOptions, 'flavour' | 'classes' | 'scoreThresh' | 'topkCandidates'>;

/**
 * Detections of a batch, selected on the host: passes over the logits there cost less than sorting all of them on the
 * device. Disposes nothing.
 */
export async function denseDetections(
  { cls, boxes, quality = [] }: DenseMaps,
  sizes: Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids'>,
  options: DenseDetectionOptions,
): Promise<ImageDetections[]> {
  const [decoded, ...maps] = (await Promise.all(
    [boxes, ...cls, ...quality].map((tensor) => tensor.data()),
  )) as Float32Array[];
  const images = sizes.ids.length;
  return sizes.ids.map((id, image) => {
    const own = (values: Float32Array): Float32Array =>
      values.subarray((image * values.length) / images, ((image + 1) * values.length) / images);
    const found = candidatesOf(maps.slice(0, cls.length).map(own), maps.slice(cls.length).map(own), options);
    return keptDetections(own(decoded!), found, {
      id,
      imageSize: sizes.imageSizes[image]!,
      originalSize: sizes.originalSizes[image]!,
      dropEmpty: options.flavour === 'mmdet',
      ...options,
    });
  });
}

function candidatesOf(cls: readonly Float32Array[], quality: readonly Float32Array[], options: Scored): Candidates {
  const { flavour, classes, scoreThresh, topkCandidates } = options;
  const priors: number[] = [];
  const labels: number[] = [];
  const scores: number[] = [];
  let first = 0;
  cls.forEach((logits, level) => {
    const own = quality[level];
    const { pairs, values } = aboveThreshold(logits, flavour === 'torchvision' ? own : undefined, options);
    for (const i of topCandidates(values, scoreThresh, topkCandidates)) {
      const prior = Math.floor(pairs[i]! / classes);
      priors.push(first + prior);
      labels.push(pairs[i]! % classes);
      scores.push(flavour === 'mmdet' && own ? values[i]! * sigmoid(own[prior]!) : values[i]!);
    }
    first += logits.length / classes;
  });
  return { priors, labels, scores: Float32Array.from(scores) };
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** sqrt(sigmoid(cls) · sigmoid(quality)): FCOS's score in torchvision. */
export const geometricScore = (cls: number, quality: number): number => Math.sqrt(sigmoid(cls) * sigmoid(quality));

/**
 * Pairs that may pass, by the logit that a class needs at its prior: most have less, and an exponential each would be
 * the costliest part.
 */
function aboveThreshold(
  logits: Float32Array,
  quality: Float32Array | undefined,
  { classes, scoreThresh }: Scored,
): { readonly pairs: number[]; readonly values: Float32Array } {
  const pairs: number[] = [];
  const values: number[] = [];
  const plainCut = cutAt(scoreThresh);
  for (let prior = 0; prior * classes < logits.length; prior++) {
    const cut = quality ? cutAt(scoreThresh ** 2 / sigmoid(quality[prior]!)) : plainCut;
    for (let pair = prior * classes; pair < (prior + 1) * classes; pair++) {
      if (logits[pair]! < cut) continue;
      pairs.push(pair);
      values.push(quality ? geometricScore(logits[pair]!, quality[prior]!) : sigmoid(logits[pair]!));
    }
  }
  return { pairs, values: Float32Array.from(values) };
}

/** The logit of a probability, a little lower: what is near is compared exactly later. */
const cutAt = (probability: number): number =>
  probability <= 0 ? -Infinity : probability >= 1 ? Infinity : Math.log(probability / (1 - probability)) - 1e-3;

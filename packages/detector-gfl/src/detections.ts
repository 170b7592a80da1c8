import type { DetectorOutput, HostBatch, ImageDetections, Priors } from '@kd/core';
import { denseDetections, flattenLevels } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { SharedConfig } from './options.js';

export interface DetectionOptions {
  readonly classes: number;
  /** Width of a box' code. */
  readonly codes: number;
  readonly decode: (codes: tf.Tensor3D, priors: Priors) => tf.Tensor3D;
  readonly post: SharedConfig['post'];
}

/** Detections in mmdetection's order of steps: selected by class score, ranked by its product with the centerness where there is one. */
export async function detections(output: DetectorOutput, priors: Priors, sizes: Pick<HostBatch, 'imageSizes' | 'originalSizes' | 'ids'>, { classes, codes, decode, post }: DetectionOptions): Promise<ImageDetections[]> {
  const { cls, reg, centerness } = output.predictions;
  const boxes = tf.tidy(() => decode(flattenLevels(reg!, codes), priors)); // [b, a, 4]
  try {
    return await denseDetections({ cls: cls!, boxes, ...(centerness && { quality: centerness }) }, sizes, { flavour: 'mmdet', classes, ...post });
  } finally {
    boxes.dispose();
  }
}

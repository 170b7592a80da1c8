import * as tf from '@tensorflow/tfjs-core';
import type { HostBatch } from '../contract/data.js';
import type { Detector, DetectionTensors } from '../contract/detector.js';
import type { Compiled, Engine } from '../contract/engine.js';
import type { ImageDetections } from '../contract/metric.js';
import { consoleLogger, type Logger } from '../logger.js';
import { orRefused } from '../step/or-refused.js';
import { sizesOnDevice } from '../step/sizes-on-device.js';
import { disposeAll, tidy } from '../tidy.js';

/** Detections of batches. */
export interface Inference {
  /**
   * May be called before the batch before is done: where the engine computes on another thread, objects are selected
   * there from what the network gave while it goes on with the next one.
   */
  detect(batch: InferenceBatch): Promise<ImageDetections[]>;
  /**
   * Begins anew to count sizes: which batches run as graphs then depends on those that follow alone, and not on what
   * this process has seen before. Graphs are kept.
   */
  restart(): void;
  /** Frees the graphs; the detector is the caller's. */
  close(): void;
}

export type InferenceBatch = Pick<HostBatch, 'images' | 'shape' | 'imageSizes' | 'originalSizes' | 'ids'>;

export interface InferenceOptions {
  /** Of an engine that compiles; without it every batch runs op by op. */
  readonly compile?: Engine['compile'] | null;
  readonly logger?: Logger;
}

/**
 * Batches of a size that run op by op before it is compiled: tracing and the first run cost as much as what some
 * batches save, and a last small batch, or a picture alone, never comes again.
 */
const BEFORE = 2;

/** Sizes that are compiled at most: the others run op by op. */
const MOST = 8;

interface Args {
  readonly images: tf.Tensor4D;
  readonly imageSizes: tf.Tensor2D;
}

/**
 * Forward pass and post-processing, up to where values are read, as one graph for each size of batches that comes
 * often; whatever cannot be traced runs op by op, which is said once.
 */
export function createInference(
  detector: Detector,
  { compile, logger = consoleLogger }: InferenceOptions = {},
): Inference {
  const { detection } = detector;
  if (!compile || detection === undefined) return opByOp(detector);
  const compute = ({ images, imageSizes }: Args): DetectionTensors =>
    detection.compute(detector.forward(images, { training: false }), {
      imageSizes,
      paddedSize: [images.shape[1], images.shape[2]],
    });
  let compiled: Compiled<Args, DetectionTensors> | null = compile(compute, {
    name: 'the forward pass',
    most: MOST,
    logger,
  });
  const plain = opByOp(detector);
  const seen = new Map<string, number>();
  const often = new Set<string>();

  const isOften = (size: string): boolean => {
    const times = (seen.get(size) ?? 0) + 1;
    seen.set(size, times);
    if (times > BEFORE && often.size < MOST) often.add(size);
    return often.has(size);
  };
  /** Null where it cannot be traced. */
  const computed = (batch: InferenceBatch): Promise<DetectionTensors> | DetectionTensors | null => {
    const args = { images: imagesOf(batch), imageSizes: sizesOnDevice(batch.imageSizes) };
    try {
      const tensors = orRefused(() => (compiled!.later ?? compiled!)(args), logger, 'It runs op by op.');
      if (tensors === null) compiled = null;
      return tensors;
    } finally {
      disposeAll(args);
    }
  };
  return {
    async detect(batch) {
      const tensors = compiled !== null && isOften(batch.shape.join()) ? await computed(batch) : null;
      if (tensors === null) return plain.detect(batch);
      try {
        return await detection.select(tensors, batch);
      } finally {
        disposeAll(tensors);
      }
    },
    restart: () => {
      seen.clear();
      often.clear();
    },
    close: () => compiled?.clear(),
  };
}

const imagesOf = ({ images, shape }: InferenceBatch): tf.Tensor4D => tf.tensor4d(images, [...shape]);

const opByOp = (detector: Detector): Inference => ({
  async detect(batch) {
    const images = imagesOf(batch);
    const output = tidy(() => detector.forward(images, { training: false }));
    try {
      return await detector.detect(output, batch);
    } finally {
      disposeAll([images, output]);
    }
  },
  restart: () => {},
  close: () => {},
});

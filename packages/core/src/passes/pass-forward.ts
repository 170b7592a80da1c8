import type * as tf from '@tensorflow/tfjs-core';
import type { Detector, DetectorOutput, Predictions } from '../contract/detector.js';
import type { Compiled, CompileOptions, Engine } from '../contract/engine.js';
import { orRefused } from '../step/or-refused.js';
import { tidy } from '../tidy.js';

/** Forward passes of one detector while plugins pass over the data. */
export interface PassForward {
  /**
   * The caller disposes what it gives.
   * @param again whether batches of this size come often: whether it pays to make a graph for them
   * @param kept takes predictions, which are computed when they are read
   */
  run(
    images: tf.Tensor4D,
    taps: readonly string[],
    again: boolean,
    kept: (predictions: Predictions) => void,
  ): DetectorOutput;
  close(): void;
}

export interface PassForwardOptions extends Pick<CompileOptions, 'logger' | 'most'> {
  readonly compile?: Engine['compile'] | null;
}

type Features = Pick<DetectorOutput, 'taps' | 'levels'>;

/** Without a detector's head, until somebody reads its predictions; as a graph where the engine compiles. */
export function createPassForward(detector: Detector, { compile, logger, most }: PassForwardOptions): PassForward {
  const whole = (images: tf.Tensor4D, taps: readonly string[]): DetectorOutput =>
    tidy(() => detector.forward(images, { training: false, taps }));
  if (detector.detection === undefined) return { run: whole, close: () => {} };
  const features = ({ images, taps: wanted }: Args): Features => {
    const { taps, levels } = detector.forward(images, { training: false, taps: wanted, lazy: true });
    return { taps, levels };
  };
  const name = `the forward pass of ${detector.name} over the data`;
  let compiled: Compiled<Args, Features> | null = compile?.(features, { name, logger, ...(most && { most }) }) ?? null;
  const run = (args: Args, again: boolean): Features => {
    const graph = again ? compiled : null;
    const found = graph === null ? null : orRefused(() => graph(args), logger, 'It runs op by op.');
    if (graph !== null && found === null) compiled = null;
    return found ?? tidy(() => features(args));
  };
  return {
    run: (images, taps, again, kept) => {
      let predictions: Predictions | undefined;
      const read = (): Predictions => {
        if (predictions === undefined) {
          const { predictions: maps } = tidy(() => ({ predictions: whole(images, []).predictions }));
          kept((predictions = maps));
        }
        return predictions;
      };
      // Not listed: whoever looks for tensors in the output asks for nothing.
      return Object.defineProperty({ ...run({ images, taps }, again), updates: [] }, 'predictions', {
        get: read,
      }) as unknown as DetectorOutput;
    },
    close: () => compiled?.clear(),
  };
}

interface Args {
  readonly images: tf.Tensor4D;
  readonly taps: readonly string[];
}

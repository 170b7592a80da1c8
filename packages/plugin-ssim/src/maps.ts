import type * as tf from '@tensorflow/tfjs-core';
import type { MapFilter } from './axis-filter.js';
import type { SsimSettings } from './settings.js';

/** C1 and C2, and the jitter of separate components: scalars, since the dynamic range may be the teacher's. */
export interface Constants {
  readonly c1: tf.Scalar;
  readonly c2: tf.Scalar;
  readonly jitter: tf.Scalar;
}

/** Two maps whose statistics are taken, less a constant a channel that is added back to the means. */
export interface MapPair {
  readonly x: tf.Tensor4D;
  readonly y: tf.Tensor4D;
  /** [1, 1, 1, c], or absent where the values are small enough for float32 as they are */
  readonly offsets?: { readonly x: tf.Tensor; readonly y: tf.Tensor };
}

/**
 * SSIM [n, h', w', c] and what the backward pass filters. With G* the adjoint filter, half the gradient of SSIM's sum
 * is
 * `G*mean + y · G*cross - x · G*energy`; without second moments there is the first term alone.
 */
export type SsimMaps = {
  readonly ssim: tf.Tensor;
  readonly mean: tf.Tensor;
  readonly second?: {
    /** Half of dSSIM / dcovariance. */
    readonly cross: tf.Tensor;
    /** -dSSIM / dvariance of x. */
    readonly energy: tf.Tensor;
  };
};

/** Luminance and the means it is made of. */
export interface Luminance {
  readonly value: tf.Tensor;
  readonly meanX: tf.Tensor;
  readonly meanY: tf.Tensor;
  /** mx² + my² + C1 */
  readonly base: tf.Tensor;
}

/** First moments less the offsets, with which the second moments are centred. */
export interface Centred {
  readonly meanX: tf.Tensor;
  readonly meanY: tf.Tensor;
}

/** Everything that contrast and structure are computed from. */
export interface Inputs {
  readonly pair: MapPair;
  readonly filter: MapFilter;
  readonly constants: Constants;
  readonly settings: SsimSettings;
  readonly luminance: Luminance;
  readonly centred: Centred;
  readonly watch: Watch | undefined;
}

/** Receives the intermediate maps by name, [n, h', w', c] each: for tests and for looking at a feature. */
export type Watch = (name: string, map: tf.Tensor) => void;

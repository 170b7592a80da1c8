import * as tf from '@tensorflow/tfjs-core';
import { initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers';
import { type CallContext, channelsOf, type LayerConfig, onlyTensor, variableOf } from './layer-weight.js';

/** A norm by fixed statistics: `y = x · scale + shift`, so that it can be folded into the convolution before it. */
export interface Affine {
  /** [c] */
  readonly scale: tf.Tensor1D;
  /** [c] */
  readonly shift: tf.Tensor1D;
}

export interface AffineNormArgs {
  readonly name: string;
  /** Added to the variance. torchvision's COCO weights of RetinaNet and Faster R-CNN want 0. */
  readonly epsilon: number;
}

/** The four vectors of a batch norm, and its value when the statistics are fixed. */
export abstract class AffineNorm extends layers.Layer {
  readonly epsilon: number;
  protected gamma!: LayerVariable;
  protected beta!: LayerVariable;
  protected movingMean!: LayerVariable;
  protected movingVariance!: LayerVariable;

  constructor(
    args: AffineNormArgs,
    private readonly trains: boolean,
  ) {
    super({ name: args.name });
    this.epsilon = args.epsilon;
  }

  override build(inputShape: Shape | Shape[]): void {
    const shape = [channelsOf(inputShape)];
    const weight = (name: string, value: 'zeros' | 'ones', trainable: boolean): LayerVariable =>
      this.addWeight(name, shape, 'float32', initializers[value](), undefined, trainable);
    this.gamma = weight('gamma', 'ones', this.trains);
    this.beta = weight('beta', 'zeros', this.trains);
    this.movingMean = weight('moving_mean', 'zeros', false);
    this.movingVariance = weight('moving_variance', 'ones', false);
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  /** True when the norm uses its stored statistics in this call. */
  abstract isAffine(context: CallContext): boolean;

  /** Scale and shift by the stored statistics; on the tape, for weights that train. */
  affine(): Affine {
    return tf.tidy(() => {
      const scale = tf.div(variableOf(this.gamma), tf.sqrt(tf.add(variableOf(this.movingVariance), this.epsilon)));
      return {
        scale: scale as tf.Tensor1D,
        shift: tf.sub(variableOf(this.beta), tf.mul(variableOf(this.movingMean), scale)) as tf.Tensor1D,
      };
    });
  }

  override call(inputs: tf.Tensor | tf.Tensor[], _context: { [key: string]: unknown }): tf.Tensor {
    return tf.tidy(() => {
      const { scale, shift } = this.affine();
      return tf.add(tf.mul(onlyTensor(inputs), scale), shift);
    });
  }

  override getConfig(): LayerConfig {
    return { ...super.getConfig(), epsilon: this.epsilon };
  }
}

import * as tf from '@tensorflow/tfjs-core';
import { AffineNorm, type AffineNormArgs } from './affine-norm.js';
import { type CallContext, type LayerConfig, onlyTensor, variableOf } from './layer-weight.js';
import { normalise, type Statistics, wholeBatch } from './normalise.js';

export interface BatchNormArgs extends AffineNormArgs {
  /** `live`: batch statistics in training; `eval`: always the running ones. Scale and shift train in both. */
  readonly mode: 'live' | 'eval';
  /** Share of the batch in the new running statistics, as torch counts it. */
  readonly momentum: number;
}

/**
 * torch's BatchNorm2d. The stock layer of TensorFlow.js assigns its running statistics inside of the tape and uses the
 * biased
 * variance for them; here they are handed out through the call's `updates`, the variance unbiased.
 */
export class BatchNorm extends AffineNorm {
  static readonly className = 'TorchBatchNorm';
  readonly mode: 'live' | 'eval';
  readonly momentum: number;

  constructor(args: BatchNormArgs) {
    super(args, true);
    this.mode = args.mode;
    this.momentum = args.momentum;
  }

  override isAffine(context: Pick<CallContext, 'training'>): boolean {
    return this.mode === 'eval' || !context.training;
  }

  override call(
    inputs: tf.Tensor | tf.Tensor[],
    context: { [key: string]: unknown } & Partial<CallContext>,
  ): tf.Tensor {
    if (this.isAffine({ training: context.training === true })) return super.call(inputs, context);
    const x = onlyTensor(inputs) as tf.Tensor4D; // [b, h, w, c]
    const { rows } = context;
    const [b, h, w] = x.shape;
    const store = ({ mean, variance }: Statistics): void => {
      const count = tf.mul(rows ? tf.sum(rows) : b, h * w);
      const unbiased = tf.mul(variance, tf.div(count, tf.maximum(tf.sub(count, 1), 1)));
      // Nothing but padding says nothing of the data.
      const share = tf.mul(tf.minimum(count, 1), this.momentum) as tf.Scalar;
      const blended = (old: tf.Variable, batch: tf.Tensor): { variable: tf.Variable; value: tf.Tensor } => ({
        variable: old,
        value: tf.add(tf.mul(old, tf.sub(1, share)), tf.mul(tf.reshape(batch, old.shape), share)),
      });
      context.updates?.push(
        blended(variableOf(this.movingMean), mean),
        blended(variableOf(this.movingVariance), unbiased),
      );
    };
    return normalise(
      x,
      variableOf(this.gamma) as tf.Tensor1D,
      variableOf(this.beta) as tf.Tensor1D,
      wholeBatch(x.shape, rows),
      this.epsilon,
      store,
    );
  }

  override getConfig(): LayerConfig {
    return { ...super.getConfig(), mode: this.mode, momentum: this.momentum };
  }
}

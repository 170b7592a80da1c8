import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers';
import { channelsOf, type LayerConfig, onlyTensor, variableOf } from './layer-weight.js';

export interface GroupNormArgs {
  readonly name: string;
  readonly groups: number;
  readonly epsilon: number;
}

/** torch's GroupNorm: normalises each image over groups of consecutive channels, with the biased variance. */
export class GroupNorm extends layers.Layer {
  static readonly className = 'TorchGroupNorm';
  readonly groups: number;
  readonly epsilon: number;
  private gamma!: LayerVariable;
  private beta!: LayerVariable;

  constructor(args: GroupNormArgs) {
    super({ name: args.name });
    this.groups = args.groups;
    this.epsilon = args.epsilon;
  }

  override build(inputShape: Shape | Shape[]): void {
    const channels = channelsOf(inputShape);
    if (channels % this.groups !== 0) {
      throw new KdError('CONFIG_INVALID', `${this.name}: ${channels} channels cannot be split into ${this.groups} groups; choose a number of groups that divides the channels.`);
    }
    this.gamma = this.addWeight('gamma', [channels], 'float32', initializers.ones());
    this.beta = this.addWeight('beta', [channels], 'float32', initializers.zeros());
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return groupNorm(onlyTensor(inputs) as tf.Tensor4D, variableOf(this.gamma), variableOf(this.beta), this.groups, this.epsilon);
  }

  override getConfig(): LayerConfig {
    return { ...super.getConfig(), groups: this.groups, epsilon: this.epsilon };
  }
}

/**
 * GroupNorm of x [b, h, w, c] with one gradient for x, gamma [c] and beta [c]: sums over the places of each channel first,
 * then over the channels of a group, which are few. A backward pass by the tape would go over the maps twice as often.
 */
export function groupNorm(x: tf.Tensor4D, gamma: tf.Tensor, beta: tf.Tensor, groups: number, epsilon: number): tf.Tensor4D {
  const [b, h, w, c] = x.shape;
  const size = (h * w * c) / groups;
  /** [b, 1, c] with the sum over its group at every channel, from [b, 1, c] */
  const overGroup = (perChannel: tf.Tensor): tf.Tensor => {
    const sums = tf.sum(tf.reshape(perChannel, [b, groups, c / groups]), 2, true); // [b, g, 1]
    return tf.reshape(tf.tile(sums, [1, 1, c / groups]), [b, 1, c]);
  };
  const overPlaces = (map: tf.Tensor): tf.Tensor => tf.sum(map, 1, true); // [b, 1, c]

  const op = tf.customGrad((...inputs) => {
    const [input, scale, offset, save] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const flat = tf.reshape(input, [b, h * w, c]);
    const mean = tf.div(overGroup(overPlaces(flat)), size);
    const variance = tf.div(overGroup(overPlaces(tf.squaredDifference(flat, mean))), size);
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const factor = tf.mul(inverse, scale);
    save([input, scale, mean, inverse]);
    const value = tf.reshape(tf.add(tf.mul(flat, factor), tf.sub(offset, tf.mul(mean, factor))), input.shape);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [x0, g, mu, inv] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const places = tf.reshape(x0, [b, h * w, c]);
      const slope = tf.reshape(dy, [b, h * w, c]);
      const sum = overPlaces(slope);
      const product = tf.mul(inv, tf.sub(overPlaces(tf.mul(slope, places)), tf.mul(mu, sum))); // sum of dy times the normalised x
      const groupSum = tf.div(overGroup(tf.mul(g, sum)), size);
      const groupProduct = tf.div(overGroup(tf.mul(g, product)), size);
      const alongX = tf.neg(tf.mul(tf.square(inv), groupProduct));
      const constant = tf.neg(tf.add(tf.mul(inv, groupSum), tf.mul(mu, alongX)));
      const dx = tf.add(tf.add(tf.mul(slope, tf.mul(inv, g)), tf.mul(places, alongX)), constant);
      return [tf.reshape(dx, x0.shape), tf.reshape(tf.sum(product, 0), [c]), tf.reshape(tf.sum(sum, 0), [c])];
    };
    return { value, gradFunc };
  });
  return op(x, gamma, beta) as tf.Tensor4D;
}

/** The largest number of groups, at most `wanted`, that divides the channels: narrow networks have fewer than 32. */
export function groupsFor(channels: number, wanted = 32): number {
  for (let groups = Math.min(wanted, channels); groups > 1; groups--) if (channels % groups === 0) return groups;
  return 1;
}

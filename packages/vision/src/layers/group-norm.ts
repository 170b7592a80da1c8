import { KdError } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import { initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers';
import { fusedGroupNorm, hasFusedGroupNorm } from './fused-group-norm.js';
import { channelsOf, type LayerConfig, onlyTensor, variableOf } from './layer-weight.js';
import { channelGroups, normalise } from './normalise.js';

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
      throw new KdError(
        'CONFIG_INVALID',
        `${this.name}: ${channels} channels cannot be split into ${this.groups} groups; choose a number of groups that divides the channels.`,
      );
    }
    this.gamma = this.addWeight('gamma', [channels], 'float32', initializers.ones());
    this.beta = this.addWeight('beta', [channels], 'float32', initializers.zeros());
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return groupNorm(
      onlyTensor(inputs) as tf.Tensor4D,
      variableOf(this.gamma),
      variableOf(this.beta),
      this.groups,
      this.epsilon,
    );
  }

  override getConfig(): LayerConfig {
    return { ...super.getConfig(), groups: this.groups, epsilon: this.epsilon };
  }
}

/** GroupNorm of x [b, h, w, c] with gamma and beta [c]. */
export function groupNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  groups: number,
  epsilon: number,
): tf.Tensor4D {
  if (x.size > 0 && hasFusedGroupNorm()) return fusedGroupNorm(x, gamma, beta, groups, epsilon);
  return normalise(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, channelGroups(x.shape, groups), epsilon);
}

/** The largest number of groups, at most `wanted`, that divides the channels: narrow networks have fewer than 32. */
export function groupsFor(channels: number, wanted = 32): number {
  for (let groups = Math.min(wanted, channels); groups > 1; groups--) if (channels % groups === 0) return groups;
  return 1;
}

import * as tf from '@tensorflow/tfjs-core';
import { KdError } from '../errors.js';
import { checkMembers } from '../members.js';
import { fusedUpdate } from './fused-update.js';

/** Slots of one variable, e.g. its momentum, by name. */
export type Slots = Readonly<Record<string, tf.Tensor>>;

export interface UpdateOptions {
  readonly lr: number;
  readonly weightDecay: number;
  /** Updates of this variable done so far: 0 at its first. */
  readonly count: number;
}

/**
 * A number of an update, from what changes between updates: where the update is compiled, a tensor that is an input.
 */
export type UpdateNumber = (of: (options: UpdateOptions) => number) => number | tf.Tensor;

/** An optimiser as a pure function: new value and slots from the old ones. Follows torch.optim number by number. */
export interface Optimizer {
  readonly name: OptimizerOptions['name'];
  /** Decay that parameters get unless their owner says otherwise. */
  readonly weightDecay: number;
  /** Names of the slots that a variable has after its first update. */
  readonly slots: readonly string[];
  /** @param slots zeros or none before the first update @param number default: the number itself */
  update(
    value: tf.Tensor,
    gradient: tf.Tensor,
    slots: Slots | undefined,
    options: UpdateOptions,
    number?: UpdateNumber,
  ): { readonly value: tf.Tensor; readonly slots: Slots };
}

export type OptimizerOptions =
  | {
      readonly name: 'sgd';
      readonly momentum?: number;
      readonly dampening?: number;
      readonly nesterov?: boolean;
      readonly weightDecay?: number;
    }
  | {
      readonly name: 'adamw' | 'adam';
      readonly betas?: readonly [number, number];
      readonly eps?: number;
      readonly weightDecay?: number;
    };

/** @param options torch's defaults where they are silent; configs fill in their own, of SGD momentum and decay */
export function createOptimizer(options: OptimizerOptions): Optimizer {
  checkMembers(options, { name: 'text' }, 'the options of an optimiser', 'USAGE');
  const { name } = options;
  if (!['sgd', 'adam', 'adamw'].includes(name))
    throw new KdError('USAGE', `there is no optimiser "${name}"; there are sgd, adam and adamw.`);
  return options.name === 'sgd' ? sgd(options) : adam(options);
}

function sgd({
  momentum = 0,
  dampening = 0,
  nesterov = false,
  weightDecay = 0,
}: Extract<OptimizerOptions, { name: 'sgd' }>): Optimizer {
  const share = ({ count }: UpdateOptions): number => (count === 0 ? 1 : 1 - dampening);
  return {
    name: 'sgd',
    weightDecay,
    slots: momentum === 0 ? [] : ['momentum'],
    update: (value, gradient, slots, options, number = (of) => of(options)) => {
      const rate = number(lrOf);
      const before = slots?.['momentum'];
      const fused =
        before &&
        fusedUpdate(
          'KdSgd',
          { value, gradient, buffer: before },
          { rate, share: number(share) },
          { momentum, decay: options.weightDecay, nesterov: nesterov ? 1 : 0 },
        );
      if (fused) return { value: fused[0]!, slots: { momentum: fused[1]! } as Slots };
      const decayed = options.weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(value, options.weightDecay));
      const none: Slots = {};
      if (momentum === 0) return { value: tf.sub(value, tf.mul(decayed, rate)), slots: none };
      // The first buffer is the gradient itself, without dampening.
      const buffer =
        before === undefined
          ? tf.clone(decayed)
          : tf.add(tf.mul(before, momentum), dampening === 0 ? decayed : tf.mul(decayed, number(share)));
      const direction = nesterov ? tf.add(decayed, tf.mul(buffer, momentum)) : buffer;
      return { value: tf.sub(value, tf.mul(direction, rate)), slots: { momentum: buffer } as Slots };
    },
  };
}

const lrOf = ({ lr }: UpdateOptions): number => lr;

function adam({
  name,
  betas: [beta1, beta2] = [0.9, 0.999],
  eps = 1e-8,
  weightDecay,
}: Extract<OptimizerOptions, { name: 'adam' | 'adamw' }>): Optimizer {
  const left = (options: UpdateOptions): number => 1 - options.lr * options.weightDecay;
  const step = ({ lr, count }: UpdateOptions): number => lr / (1 - beta1 ** (count + 1));
  const unbiased = ({ count }: UpdateOptions): number => 1 / Math.sqrt(1 - beta2 ** (count + 1));
  const betas = { beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2 };
  return {
    name,
    weightDecay: weightDecay ?? (name === 'adamw' ? 0.01 : 0),
    slots: ['m', 'v'],
    update: (value, gradient, slots, options, number = (of) => of(options)) => {
      const { weightDecay: decay } = options;
      const decoupled = name === 'adamw' && decay !== 0;
      const fused =
        slots &&
        fusedUpdate(
          'KdAdam',
          { value, gradient, m: slots['m']!, v: slots['v']! },
          { left: decoupled ? number(left) : 1, unbiased: number(unbiased), step: number(step) },
          { ...betas, eps, decay: decoupled ? 0 : decay },
        );
      if (fused) return { value: fused[0]!, slots: { m: fused[1]!, v: fused[2]! } };
      const g = name === 'adam' && decay !== 0 ? tf.add(gradient, tf.mul(value, decay)) : gradient;
      const start = decoupled ? tf.mul(value, number(left)) : value;
      const m = slots === undefined ? tf.mul(g, 1 - beta1) : tf.add(tf.mul(slots['m']!, beta1), tf.mul(g, 1 - beta1));
      const squared = tf.mul(tf.square(g), 1 - beta2);
      const v = slots === undefined ? squared : tf.add(tf.mul(slots['v']!, beta2), squared);
      const root = tf.add(tf.mul(tf.sqrt(v), number(unbiased)), eps);
      return { value: tf.sub(start, tf.mul(tf.div(m, root), number(step))), slots: { m, v } };
    },
  };
}

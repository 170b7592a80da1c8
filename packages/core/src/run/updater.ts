import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor, NamedTensors } from '../contract/checkpoint.js';
import { KdError } from '../errors.js';
import type { Optimizer, Slots } from './optimizers.js';
import type { OptimizerGroup } from '../plugins/optimizer-group.js';
import { hostFloats } from '../host-floats.js';
import { toHost, type TrainedVariable } from '../variables.js';

/** Applies gradients: clips, runs the optimiser, keeps its slots and the moving average of the weights. */
export class Updater {
  readonly #variables: readonly TrainedVariable[];
  /** By the optimiser that moves them: the run's under undefined. */
  readonly #groups: ReadonlyMap<OptimizerGroup | undefined, readonly TrainedVariable[]>;
  readonly #optimizer: Optimizer;
  readonly #slots = new Map<string, { slots: Slots; count: number }>();
  readonly #average = new Map<string, tf.Tensor>();
  readonly #options: { readonly clipNorm: number | null; readonly emaDecay: number | null };

  constructor(
    variables: readonly TrainedVariable[],
    optimizer: Optimizer,
    options: { readonly clipNorm: number | null; readonly emaDecay: number | null },
  ) {
    this.#variables = variables;
    const groups = new Set(variables.map(({ group }) => group));
    this.#groups = new Map([...groups].map((group) => [group, variables.filter((one) => one.group === group)]));
    this.#optimizer = optimizer;
    this.#options = options;
  }

  /**
   * One update, of groups with an optimiser of their own at their own rate. A variable without a gradient stays as it
   * is, its decay too. The gradients are left to the caller.
   */
  apply(gradients: ReadonlyMap<string, tf.Tensor>, lr: number): void {
    for (const [group, variables] of this.#groups)
      this.#applyTo(
        variables,
        gradients,
        group ?? { optimizer: this.#optimizer, lr, clipNorm: this.#options.clipNorm },
      );
  }

  #applyTo(
    variables: readonly TrainedVariable[],
    gradients: ReadonlyMap<string, tf.Tensor>,
    { optimizer, lr, clipNorm }: OptimizerGroup,
  ): void {
    const theirs = variables.flatMap(({ path }) => gradients.get(path) ?? []);
    const scale = clipNorm === null || theirs.length === 0 ? null : clipScale(theirs, clipNorm);
    for (const { path, variable, lr: factor, weightDecay } of variables) {
      const gradient = gradients.get(path);
      if (gradient === undefined) continue;
      const before = this.#slots.get(path);
      const after = tf.tidy(() =>
        optimizer.update(variable, scale === null ? gradient : tf.mul(gradient, scale), before?.slots, {
          lr: lr * factor,
          weightDecay: weightDecay ?? optimizer.weightDecay,
          count: before?.count ?? 0,
        }),
      );
      variable.assign(after.value);
      after.value.dispose();
      if (before !== undefined) tf.dispose(before.slots);
      this.#slots.set(path, { slots: after.slots, count: (before?.count ?? 0) + 1 });
      if (this.#options.emaDecay !== null) this.#followAverage(path, variable, this.#options.emaDecay);
    }
    scale?.dispose();
  }

  #followAverage(path: string, variable: tf.Variable, decay: number): void {
    const before = this.#average.get(path);
    this.#average.set(
      path,
      tf.tidy(() =>
        before === undefined ? tf.clone(variable) : tf.add(tf.mul(before, decay), tf.mul(variable, 1 - decay)),
      ),
    );
    before?.dispose();
  }

  /** Runs `inner` with the averaged weights in place of the current ones, where an average is kept. */
  async withAverage<T>(inner: () => Promise<T>): Promise<T> {
    if (this.#average.size === 0) return inner();
    const current = new Map(this.#variables.map(({ path, variable }) => [path, tf.clone(variable)]));
    try {
      for (const { path, variable } of this.#variables) {
        const average = this.#average.get(path);
        if (average !== undefined) variable.assign(average);
      }
      return await inner();
    } finally {
      for (const { path, variable } of this.#variables) variable.assign(current.get(path)!);
      tf.dispose([...current.values()]);
    }
  }

  /** Slots as `optimizer/<slot>/<path>`, counts as `optimizer/count/<path>`, averages as `ema/<path>`. */
  async state(): Promise<Map<string, HostTensor>> {
    const tensors = new Map<string, HostTensor>();
    for (const [path, { slots, count }] of this.#slots) {
      for (const [slot, tensor] of Object.entries(slots))
        tensors.set(`optimizer/${slot}/${path}`, await toHost(tensor));
      tensors.set(`optimizer/count/${path}`, { dtype: 'I32', shape: [], data: Int32Array.of(count) });
    }
    for (const [path, tensor] of this.#average) tensors.set(`ema/${path}`, await toHost(tensor));
    return tensors;
  }

  /**
   * A variable that no gradient has reached yet has nothing of it.
   * @throws KdError CHECKPOINT_INVALID when a slot or an average is missing or has another shape than its variable
   */
  restore(tensors: NamedTensors, where: string): void {
    this.dispose();
    const get = (name: string): HostTensor => {
      const value = tensors.get(name);
      if (value !== undefined) return value;
      throw new KdError(
        'CHECKPOINT_INVALID',
        `${where} has no ${name}: a part of the optimiser's state is missing. Take another checkpoint.`,
      );
    };
    for (const { path, variable, group } of this.#variables) {
      const slots: Record<string, tf.Tensor> = {};
      const names = (group?.optimizer ?? this.#optimizer).slots.map(
        (slot) => [slot, `optimizer/${slot}/${path}`] as const,
      );
      const stored = [`optimizer/count/${path}`, `ema/${path}`, ...names.map(([, name]) => name)];
      if (!stored.some((name) => tensors.has(name))) continue;
      const count = hostFloats(get(`optimizer/count/${path}`))[0]!;
      this.#slots.set(path, { slots, count });
      for (const [slot, name] of names) slots[slot] = toTensor(get(name), variable.shape, `${where}: ${name}`);
      if (this.#options.emaDecay !== null)
        this.#average.set(path, toTensor(get(`ema/${path}`), variable.shape, `${where}: ema/${path}`));
    }
  }

  dispose(): void {
    for (const { slots } of this.#slots.values()) tf.dispose(slots);
    tf.dispose([...this.#average.values()]);
    this.#slots.clear();
    this.#average.clear();
  }
}

function toTensor(value: HostTensor, shape: number[], where: string): tf.Tensor {
  if (value.shape.join() !== shape.join()) {
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where} has shape [${value.shape.join(', ')}], its variable [${shape.join(', ')}]; the checkpoint is from another model.`,
    );
  }
  return tf.tensor(hostFloats(value), shape, 'float32');
}

/** min(1, norm / (total norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ scales. The caller disposes it. */
export function clipScale(gradients: readonly tf.Tensor[], norm: number): tf.Scalar {
  return tf.tidy(() => {
    const total = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient)))));
    return tf.minimum(1, tf.div(norm, tf.add(total, 1e-6))) as tf.Scalar;
  });
}

import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor, NamedTensors } from '../contract/checkpoint.js';
import type { Compiled, EngineInput } from '../contract/engine.js';
import { KdError } from '../errors.js';
import type { Optimizer, UpdateNumber, UpdateOptions } from './optimizers.js';
import type { OptimizerGroup } from '../plugins/optimizer-group.js';
import { hostFloats } from '../host-floats.js';
import { Kept } from '../step/kept.js';
import { toHost, type TrainedVariable } from '../variables.js';

/** What an optimiser keeps of a variable: variables themselves, so that a compiled update reads and writes them. */
interface KeptOf {
  readonly slots: Readonly<Record<string, tf.Variable>>;
  readonly average: tf.Variable | null;
  /** Updates so far. */
  count: number;
}

export interface UpdaterOptions {
  readonly clipNorm: number | null;
  readonly emaDecay: number | null;
  /** Compiles the update; default: it runs op by op. */
  readonly compile?: <A, R>(name: string, fn: (args: A, input: EngineInput<void>) => R) => Compiled<A, R>;
}

/** What an update takes besides the variables. `counts` says which of them had equally many updates. */
interface UpdateArgs {
  readonly gradients: Readonly<Record<string, tf.Tensor>>;
  readonly counts: string;
}

/** Applies gradients: clips, runs the optimiser, keeps its slots and the moving average of the weights. */
export class Updater {
  readonly #variables: readonly TrainedVariable[];
  /** By the optimiser that moves them: the run's under undefined. */
  readonly #groups: ReadonlyMap<OptimizerGroup | undefined, readonly TrainedVariable[]>;
  readonly #optimizer: Optimizer;
  /** Of those that a gradient has reached. */
  readonly #kept = new Map<string, KeptOf>();
  readonly #options: UpdaterOptions;
  readonly #compiled: Compiled<UpdateArgs, null> | null;
  /** Of the update at hand. */
  #lr = 0;

  constructor(variables: readonly TrainedVariable[], optimizer: Optimizer, options: UpdaterOptions) {
    this.#variables = variables;
    const groups = new Set(variables.map(({ group }) => group));
    this.#groups = new Map([...groups].map((group) => [group, variables.filter((one) => one.group === group)]));
    this.#optimizer = optimizer;
    this.#options = options;
    this.#compiled =
      options.compile?.('the update of the weights', ({ gradients }: UpdateArgs, input) => {
        this.#update(new Map(Object.entries(gradients)), input);
        return null;
      }) ?? null;
  }

  /**
   * One update, of groups with an optimiser of their own at their own rate. A variable without a gradient stays as it
   * is, its decay too. The gradients are left to the caller.
   */
  apply(gradients: ReadonlyMap<string, tf.Tensor>, lr: number): void {
    this.#lr = lr;
    const reached = this.#variables.filter(({ path }) => gradients.has(path));
    for (const one of reached) this.#keep(one);
    const kept = reached.map(({ path }) => this.#kept.get(path)!);
    if (this.#compiled === null) this.#update(gradients, null);
    else {
      const counts = kept.map(({ count }) => count);
      this.#compiled({ gradients: Object.fromEntries(gradients), counts: alike(counts) });
    }
    for (const one of kept) one.count++;
  }

  /** @param input makes the numbers that change between updates tensors, where the update is compiled */
  #update(gradients: ReadonlyMap<string, tf.Tensor>, input: EngineInput<void> | null): void {
    for (const [group, variables] of this.#groups) {
      const given = input === null ? null : sharedInputs(input);
      const { optimizer, clipNorm } = group ?? { optimizer: this.#optimizer, clipNorm: this.#options.clipNorm };
      const theirs = variables.flatMap(({ path }) => gradients.get(path) ?? []);
      const scale = clipNorm === null || theirs.length === 0 ? null : clipScale(theirs, clipNorm);
      for (const { path, variable, lr: factor, weightDecay = optimizer.weightDecay } of variables) {
        const gradient = gradients.get(path);
        if (gradient === undefined) continue;
        const { slots, average } = this.#kept.get(path)!;
        const now = (): UpdateOptions => ({
          lr: (group?.lr ?? this.#lr) * factor,
          weightDecay,
          count: this.#kept.get(path)!.count,
        });
        const options = now();
        const key = [factor, weightDecay, options.count].join();
        const number: UpdateNumber = (of) => given?.number(key, of, now) ?? of(options);
        tf.tidy(() => {
          const clipped = scale === null ? gradient : tf.mul(gradient, scale);
          const after = optimizer.update(variable, clipped, slots, options, number);
          variable.assign(after.value);
          for (const [name, value] of Object.entries(after.slots)) slots[name]!.assign(value);
          if (average === null) return;
          const [old, fresh] = this.#averaging;
          average.assign(tf.add(tf.mul(average, number(old)), tf.mul(variable, number(fresh))));
        });
      }
      scale?.dispose();
      given?.dispose();
    }
  }

  /** Shares of the average and of the new value; the first average is the value. */
  readonly #averaging = [
    ({ count }: UpdateOptions): number => (count === 0 ? 0 : this.#options.emaDecay!),
    ({ count }: UpdateOptions): number => (count === 0 ? 1 : 1 - this.#options.emaDecay!),
  ] as const;

  #keep({ path, variable, group }: TrainedVariable): KeptOf {
    const before = this.#kept.get(path);
    if (before !== undefined) return before;
    // Filled on the device: `tf.zeros` would make them on the host.
    const zeros = (): tf.Variable => tf.tidy(() => tf.variable(tf.fill(variable.shape, 0), false));
    const names = (group?.optimizer ?? this.#optimizer).slots;
    const slots = Object.fromEntries(names.map((slot) => [slot, zeros()]));
    const kept = { slots, average: this.#options.emaDecay === null ? null : zeros(), count: 0 };
    this.#kept.set(path, kept);
    return kept;
  }

  /** Runs `inner` with the averaged weights in place of the current ones, where an average is kept. */
  async withAverage<T>(inner: () => Promise<T>): Promise<T> {
    if (this.#options.emaDecay === null) return inner();
    const current = new Map(this.#variables.map(({ path, variable }) => [path, tf.clone(variable)]));
    try {
      for (const { path, variable } of this.#variables) {
        const { average = null, count = 0 } = this.#kept.get(path) ?? {};
        if (average !== null && count > 0) variable.assign(average);
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
    for (const [path, { slots, average, count }] of this.#kept) {
      if (count === 0) continue;
      for (const [slot, tensor] of Object.entries(slots))
        tensors.set(`optimizer/${slot}/${path}`, await toHost(tensor));
      tensors.set(`optimizer/count/${path}`, { dtype: 'I32', shape: [], data: Int32Array.of(count) });
      if (average !== null) tensors.set(`ema/${path}`, await toHost(average));
    }
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
    for (const one of this.#variables) {
      const { path } = one;
      const names = (one.group?.optimizer ?? this.#optimizer).slots.map((slot) => `optimizer/${slot}/${path}`);
      const stored = [`optimizer/count/${path}`, `ema/${path}`, ...names];
      if (!stored.some((name) => tensors.has(name))) continue;
      const kept = this.#keep(one);
      kept.count = hostFloats(get(`optimizer/count/${path}`))[0]!;
      for (const [slot, variable] of Object.entries(kept.slots))
        assign(variable, get(`optimizer/${slot}/${path}`), `${where}: optimizer/${slot}/${path}`);
      if (kept.average !== null) assign(kept.average, get(`ema/${path}`), `${where}: ema/${path}`);
    }
  }

  dispose(): void {
    for (const { slots, average } of this.#kept.values()) tf.dispose([slots, average ?? []]);
    this.#kept.clear();
    this.#compiled?.clear();
  }
}

/** A text that is the same for lists whose equal members stand at the same places. */
function alike(values: readonly number[]): string {
  const places = new Map<number, number>();
  return values
    .map((value) => {
      if (!places.has(value)) places.set(value, places.size);
      return places.get(value)!;
    })
    .join();
}

/** One input for all variables of a group whose numbers agree, at every update of the same signature. */
function sharedInputs(input: EngineInput<void>) {
  const kept = new Kept();
  const made = new Map<unknown, Map<string, tf.Tensor>>();
  return {
    number(key: string, of: (options: UpdateOptions) => number, now: () => UpdateOptions): tf.Tensor {
      const inputs = made.get(of) ?? new Map<string, tf.Tensor>();
      made.set(of, inputs);
      const tensor = inputs.get(key) ?? kept.keep(input([], () => Float32Array.of(of(now()))));
      inputs.set(key, tensor);
      return tensor;
    },
    dispose: () => kept.dispose(),
  };
}

function assign(variable: tf.Variable, value: HostTensor, where: string): void {
  if (value.shape.join() !== variable.shape.join()) {
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where} has shape [${value.shape.join(', ')}], its variable [${variable.shape.join(', ')}]; the checkpoint is from another model.`,
    );
  }
  tf.tidy(() => variable.assign(tf.tensor(hostFloats(value), variable.shape, 'float32')));
}

/** min(1, norm / (total norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ scales. The caller disposes it. */
export function clipScale(gradients: readonly tf.Tensor[], norm: number): tf.Scalar {
  return tf.tidy(() => {
    const total = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient)))));
    return tf.minimum(1, tf.div(norm, tf.add(total, 1e-6))) as tf.Scalar;
  });
}

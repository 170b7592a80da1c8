import * as tf from '@tensorflow/tfjs-core';
import { createRng, type DetectorVariable } from '@kd/core';

/** Widths and sizes of the toy's layers. */
export interface ToyShape {
  readonly width: number;
  readonly depth: number;
  readonly classes: number;
}

/** Strides of the levels p3 and p4. */
export const STRIDES = [8, 16] as const;
export const LEVELS = ['p3', 'p4'] as const;
export const BRANCHES = ['cls', 'reg'] as const;
export type Branch = (typeof BRANCHES)[number];

const isBranch = (name: string): name is Branch => (BRANCHES as readonly string[]).includes(name);

/** The layers of the toy detector: convolutions and one running statistic, as plain variables by path. */
export class ToyNetwork {
  readonly variables: readonly DetectorVariable[];
  readonly depth: number;
  readonly #byPath: ReadonlyMap<string, tf.Variable>;

  constructor({ width, depth, classes }: ToyShape, seed: number) {
    const kernels: [string, [number, number, number, number]][] = [
      ['backbone.stem', [4, 4, 3, width]],
      ['neck.p3', [2, 2, width, width]],
      ['neck.p4', [2, 2, width, width]],
      ...BRANCHES.flatMap((branch) =>
        Array.from({ length: depth }, (_, i): [string, [number, number, number, number]] => [
          `head.${branch}.${i}`,
          [3, 3, width, width],
        ]),
      ),
      ['head.cls.out', [1, 1, width, classes]],
      ['head.reg.out', [1, 1, width, 4]],
    ];
    this.depth = depth;
    this.variables = [
      ...kernels.flatMap(([layer, shape]) => [
        { path: `${layer}/kernel`, variable: owned(initialKernel(seed, layer, shape), true), trainable: true },
        // A prior of 0.1 keeps the first classification losses small, as focal losses do.
        {
          path: `${layer}/bias`,
          variable: owned(tf.fill([shape[3]], layer === 'head.cls.out' ? -2.2 : 0), true),
          trainable: true,
        },
      ]),
      { path: 'backbone.center/moving_mean', variable: owned(tf.zeros([width]), false), trainable: false },
    ];
    this.#byPath = new Map(this.variables.map(({ path, variable }) => [path, variable]));
  }

  /** The running mean that centres the stem's output, [c]. */
  get mean(): tf.Variable {
    return this.#byPath.get('backbone.center/moving_mean')!;
  }

  conv(layer: string, x: tf.Tensor4D, stride: number): tf.Tensor4D {
    const kernel = this.#byPath.get(`${layer}/kernel`) as tf.Tensor as tf.Tensor4D;
    const bias = this.#byPath.get(`${layer}/bias`)!;
    return tf.add(tf.conv2d(x, kernel, stride, stride === 1 ? 'same' : 'valid'), bias);
  }

  /**
   * Blocks `from` up to, not including, `to` of a branch on `x` [b, h, w, c]; every feature between is handed to
   * `seen`.
   */
  run(
    branch: string,
    x: tf.Tensor4D,
    from: number,
    to: number,
    seen?: (block: number, feature: tf.Tensor4D) => void,
  ): Readonly<Record<string, tf.Tensor4D>> {
    if (!isBranch(branch)) throw new RangeError(`the head has no branch "${branch}"; it has ${BRANCHES.join(', ')}`);
    if (!(from >= 0 && from <= to && to <= this.depth + 1))
      throw new RangeError(`the cut ${from} to ${to} of a branch of ${this.depth} blocks does not exist`);
    let feature = x;
    for (let block = from; block < Math.min(to, this.depth); block++) {
      feature = tf.relu(this.conv(`head.${branch}.${block}`, feature, 1));
      seen?.(block, feature);
    }
    return to > this.depth ? { [branch]: this.conv(`head.${branch}.out`, feature, 1) } : { feature };
  }

  dispose(): void {
    for (const { variable } of this.variables) variable.dispose();
  }
}

/** A variable in place of its initial value. */
function owned(initial: tf.Tensor, trainable: boolean): tf.Variable {
  const variable = tf.variable(initial, trainable);
  initial.dispose();
  return variable;
}

/** He's initial values, from the seed and the name of the layer alone. */
function initialKernel(seed: number, layer: string, shape: [number, number, number, number]): tf.Tensor4D {
  const rng = createRng(seed, 'toy', layer);
  const deviation = Math.sqrt(2 / (shape[0] * shape[1] * shape[2]));
  return tf.tensor4d(
    Float32Array.from({ length: shape.reduce((size, n) => size * n, 1) }, () => deviation * rng.normal()),
    shape,
  );
}

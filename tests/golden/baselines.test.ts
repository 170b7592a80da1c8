import { pkdLevels, type PkdLossOptions } from '@kd/plugin-pkd';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect } from 'vitest';
import { casesOf, describeGolden, expectClose, goldenTest, type GoldenTensors } from './support/index.js';
import { startEngine } from './support/engine.js';

/** A method that the papers compare with: its unweighted parts, their weights, and the gradients of the weighted sum. */
interface BaselineCase {
  readonly id: string;
  readonly method: string;
  readonly file: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly parts: Readonly<Record<string, number>>;
  readonly weights: Readonly<Record<string, number>>;
  readonly loss: number;
  /** Inputs that get a gradient. */
  readonly wrt: readonly string[];
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly expected: Readonly<Record<string, readonly number[]>>;
  readonly tolerance: { readonly loss: number; readonly grad: number };
}

type Inputs = ReadonlyMap<string, tf.Tensor>;

/** The unweighted parts of a method, by name. */
const METHODS: Readonly<Record<string, (inputs: Inputs, one: BaselineCase) => Record<string, tf.Scalar>>> = {
  pkd: (inputs, { config }) => {
    const { std: _prose, resize, ...rest } = config;
    const options = { ...rest, resize: resize ?? 'none' } as PkdLossOptions;
    return { pearson: pkdLevels(levels(inputs, 's'), levels(inputs, 't'), options) };
  },
};

describeGolden('baselines', (area) => {
  beforeAll(async () => {
    await startEngine();
    // The engine may have to set its library up first.
  }, 600_000);

  describe('parts, loss and gradients', () => {
    for (const one of casesOf<BaselineCase>(area)) {
      goldenTest('baseline', one.method, one.id, async () => {
        const before = tf.memory().numTensors;
        const tensors = await area.tensors(one.file);
        tf.engine().startScope();
        const { loss, parts, gradients } = run(one, tensors);
        tf.engine().endScope();
        expect(Math.abs(loss - one.loss), 'loss').toBeLessThanOrEqual(one.tolerance.loss);
        expect(Object.keys(parts).sort()).toEqual(Object.keys(one.parts).sort());
        // The tolerance is that of the weighted sum.
        for (const [name, value] of Object.entries(one.parts)) expect(Math.abs(parts[name]! - value) * one.weights[name]!, name).toBeLessThanOrEqual(one.tolerance.loss);
        expect(Object.keys(one.expected).filter((key) => key.startsWith('grad_')).sort()).toEqual(one.wrt.map((key) => `grad_${key}`).sort());
        one.wrt.forEach((key, i) => expectClose(gradients[i]!, tensors.get(`grad_${key}`).values, one.tolerance.grad, `grad_${key}`));
        expect(tf.memory().numTensors).toBe(before);
      });
    }
  });
});

function run(one: BaselineCase, tensors: GoldenTensors): { loss: number; parts: Record<string, number>; gradients: Float32Array[] } {
  const method = METHODS[one.method];
  if (!method) return expect.fail(`baseline "${one.method}" is listed as built, but has no entry in METHODS here.`);
  const inputs = new Map(Object.entries(one.inputs).map(([key, shape]) => [key, tf.tensor(Float32Array.from(tensors.get(key).values), [...shape])]));
  const parts: Record<string, number> = {};
  const { value, grads } = tf.valueAndGrads((...leaves: tf.Tensor[]) => {
    const values = method(new Map([...inputs, ...one.wrt.map((key, i) => [key, leaves[i]!] as const)]), one);
    for (const [name, part] of Object.entries(values)) parts[name] = part.dataSync()[0]!;
    return tf.addN(Object.entries(values).map(([name, part]) => tf.mul(part, one.weights[name]!))) as tf.Scalar;
  })(one.wrt.map((key) => inputs.get(key)!));
  return { loss: value.dataSync()[0]!, parts, gradients: grads.map((grad) => grad.dataSync() as Float32Array) };
}

/** `s0`, `s1`, … */
function levels(inputs: Inputs, prefix: string): tf.Tensor4D[] {
  const maps: tf.Tensor4D[] = [];
  for (let map = inputs.get(`${prefix}0`); map; map = inputs.get(`${prefix}${maps.length}`)) maps.push(map as tf.Tensor4D);
  return maps;
}

import { pkdLevels, type PkdLossOptions } from '@kd/plugin-pkd';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect } from 'vitest';
import { attentionMethods } from './baselines/attention.js';
import { conditionalMethods } from './baselines/conditional.js';
import { generalInstancesMethods } from './baselines/general-instances.js';
import { imitationMethods } from './baselines/imitation.js';
import { logitsMethods } from './baselines/logits.js';
import { localizationMethods } from './baselines/localization.js';
import { type BaselineCase, type Inputs, levels, type Method } from './baselines/method.js';
import { predictionGuidedMethods } from './baselines/prediction-guided.js';
import {
  casesOf,
  describeGolden,
  expectClose,
  goldenTest,
  type GoldenTensors,
  oneOf,
  only,
  readWhole,
  touching,
} from './support/index.js';
import { startEngine } from './support/engine.js';

/** The unweighted parts of a method, by name. */
const METHODS: Readonly<Record<string, Method>> = {
  ...attentionMethods,
  ...conditionalMethods,
  ...generalInstancesMethods,
  ...imitationMethods,
  ...logitsMethods,
  ...localizationMethods,
  ...predictionGuidedMethods,
  pkd: (inputs, { config }) => {
    const { std, resize, eps } = config;
    if (std !== undefined) only('std', std, 'unbiased over N,H,W per channel');
    const options: PkdLossOptions = {
      resize: resize === undefined || resize === null ? 'none' : oneOf('resize', resize, ['student', 'teacher']),
      ...(eps !== undefined && { eps: eps as number }),
    };
    return { pearson: pkdLevels(levels(inputs, 's'), levels(inputs, 't'), options) };
  },
};

describeGolden('baselines', (area) => {
  beforeAll(async () => {
    await startEngine();
    // The engine may have to set its library up first.
  });

  describe('parts, loss and gradients', () => {
    for (const one of casesOf<BaselineCase>(area)) {
      goldenTest('baseline', one.method, one.id, () =>
        readWhole(one, async (one) => {
          const before = tf.memory().numTensors;
          const tensors = await area.tensors(one.file);
          if (one.loss === undefined) {
            tf.tidy(() => void METHODS[one.method]!(inputsOf(one, tensors), one, tensorsOf(one.expected, tensors)));
            return expect(tf.memory().numTensors).toBe(before);
          }
          tf.engine().startScope();
          const { loss, parts, gradients } = run(one, tensors);
          const ofParts = gradientsOfParts(one, tensors);
          tf.engine().endScope();
          expect(Math.abs(loss - one.loss), 'loss').toBeLessThanOrEqual(one.tolerance.loss);
          expect(Object.keys(parts).sort()).toEqual(Object.keys(one.parts).sort());
          // The tolerance is that of the weighted sum.
          for (const [name, value] of Object.entries(one.parts))
            expect(Math.abs(parts[name]! - value) * one.weights[name]!, name).toBeLessThanOrEqual(one.tolerance.loss);
          expect(
            Object.keys(one.expected)
              .filter((key) => key.startsWith('grad_'))
              .sort(),
          ).toEqual([...one.wrt.map((key) => `grad_${key}`), ...ofParts.map(({ key }) => key)].sort());
          one.wrt.forEach((key, i) =>
            expectClose(gradients[i]!, tensors.get(`grad_${key}`).values, one.tolerance.grad, `grad_${key}`),
          );
          for (const { key, part, gradient } of ofParts)
            expectClose(gradient, tensors.get(key).values, one.tolerance.grad / one.weights[part]!, key);
          expect(tf.memory().numTensors).toBe(before);
        }),
      );
    }
  });
});

interface PartGradient {
  readonly key: string;
  readonly part: string;
  readonly gradient: Float32Array;
}

/** Gradients of a single, unweighted part where a case has them: `grad_<part>_<input>`. */
function gradientsOfParts(one: BaselineCase, tensors: GoldenTensors): PartGradient[] {
  const found = Object.keys(one.expected).flatMap((key) => {
    const part = Object.keys(one.parts).find((name) => key.startsWith(`grad_${name}_`));
    return part === undefined ? [] : [{ key, part, input: key.slice(`grad_${part}_`.length) }];
  });
  const inputs = inputsOf(one, tensors);
  return found.map(({ key, part, input }) => {
    const gradient = tf.grad(
      touching((leaf) => METHODS[one.method]!(new Map([...inputs, [input, leaf!]]), one, NONE)[part]!),
    )(inputs.get(input)!);
    return { key, part, gradient: gradient.dataSync() as Float32Array };
  });
}

const NONE: Inputs = new Map();

const inputsOf = (one: BaselineCase, tensors: GoldenTensors): Map<string, tf.Tensor> => tensorsOf(one.inputs, tensors);

const tensorsOf = (shapes: BaselineCase['inputs'], tensors: GoldenTensors): Map<string, tf.Tensor> =>
  new Map(
    Object.entries(shapes).map(([key, shape]) => [
      key,
      tf.tensor(Float32Array.from(tensors.get(key).values), [...shape]),
    ]),
  );

function run(
  one: BaselineCase,
  tensors: GoldenTensors,
): { loss: number; parts: Record<string, number>; gradients: Float32Array[] } {
  const method = METHODS[one.method];
  if (!method) return expect.fail(`baseline "${one.method}" is listed as built, but has no entry in METHODS here.`);
  const inputs = inputsOf(one, tensors);
  const parts: Record<string, number> = {};
  const { value, grads } = tf.valueAndGrads(
    touching((...leaves) => {
      const values = method(new Map([...inputs, ...one.wrt.map((key, i) => [key, leaves[i]!] as const)]), one, NONE);
      for (const [name, part] of Object.entries(values)) parts[name] = part.dataSync()[0]!;
      return tf.addN(Object.entries(values).map(([name, part]) => tf.mul(part, one.weights[name]!))) as tf.Scalar;
    }),
  )(one.wrt.map((key) => inputs.get(key)!));
  return { loss: value.dataSync()[0]!, parts, gradients: grads.map((grad) => grad.dataSync() as Float32Array) };
}

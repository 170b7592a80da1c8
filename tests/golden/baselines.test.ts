import { pkdLevels, type PkdLossOptions } from '@kd/plugin-pkd';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect } from 'vitest';
import { attentionChecks, attentionMethods } from './baselines/attention.js';
import { conditionalChecks, conditionalMethods } from './baselines/conditional.js';
import { generalInstancesChecks, generalInstancesMethods } from './baselines/general-instances.js';
import { imitationChecks, imitationMethods } from './baselines/imitation.js';
import { logitsMethods } from './baselines/logits.js';
import { localizationChecks, localizationMethods } from './baselines/localization.js';
import { type BaselineCase, type Check, levels, type Method, type Values } from './baselines/method.js';
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
  scoped,
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

/** What methods have besides losses. */
const CHECKS: Readonly<Record<string, Check>> = {
  ...attentionChecks,
  ...conditionalChecks,
  ...generalInstancesChecks,
  ...imitationChecks,
  ...localizationChecks,
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
          const check = CHECKS[one.method];
          await scoped(() => check?.(inputsOf(one, tensors), one, valuesOf(tensors)));
          if (one.loss === undefined) {
            expect(check, `a check of ${one.method}, without losses`).toBeDefined();
            return expect(tf.memory().numTensors).toBe(before);
          }
          const { loss, parts, gradients } = await scoped(() => run(one, tensors));
          const ofParts = await scoped(() => gradientsOfParts(one, tensors));
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
  readonly gradient: ArrayLike<number>;
}

/** Gradients of a single, unweighted part where a case has them: `grad_<part>_<input>`. */
async function gradientsOfParts(one: BaselineCase, tensors: GoldenTensors): Promise<PartGradient[]> {
  const found = Object.keys(one.expected).flatMap((key) => {
    const part = Object.keys(one.parts).find((name) => key.startsWith(`grad_${name}_`));
    return part === undefined ? [] : [{ key, part, input: key.slice(`grad_${part}_`.length) }];
  });
  const inputs = inputsOf(one, tensors);
  return Promise.all(
    found.map(async ({ key, part, input }) => {
      const gradient = tf.grad(
        touching((leaf) => METHODS[one.method]!(new Map([...inputs, [input, leaf!]]), one, valuesOf(tensors))[part]!),
      )(inputs.get(input)!);
      return { key, part, gradient: await gradient.data() };
    }),
  );
}

const valuesOf =
  (tensors: GoldenTensors): Values =>
  (key) =>
    tensors.get(key).values;

const inputsOf = (one: BaselineCase, tensors: GoldenTensors): Map<string, tf.Tensor> =>
  new Map(
    Object.entries(one.inputs).map(([key, shape]) => [
      key,
      tf.tensor(Float32Array.from(tensors.get(key).values), [...shape]),
    ]),
  );

async function run(
  one: BaselineCase,
  tensors: GoldenTensors,
): Promise<{ loss: number; parts: Record<string, number>; gradients: ArrayLike<number>[] }> {
  const method = METHODS[one.method];
  if (!method) return expect.fail(`baseline "${one.method}" is listed as built, but has no entry in METHODS here.`);
  const inputs = inputsOf(one, tensors);
  const parts: Record<string, tf.Scalar> = {};
  const { value, grads } = tf.valueAndGrads(
    touching((...leaves) => {
      const values = method(
        new Map([...inputs, ...one.wrt.map((key, i) => [key, leaves[i]!] as const)]),
        one,
        valuesOf(tensors),
      );
      for (const [name, part] of Object.entries(values)) parts[name] = tf.keep(part);
      return tf.addN(Object.entries(values).map(([name, part]) => tf.mul(part, one.weights[name]!))) as tf.Scalar;
    }),
  )(one.wrt.map((key) => inputs.get(key)!));
  const read = Object.entries(parts).map(async ([name, part]) => [name, (await part.data())[0]!] as const);
  const ofParts = Object.fromEntries(await Promise.all(read));
  tf.dispose(parts);
  return {
    loss: (await value.data())[0]!,
    parts: ofParts,
    gradients: await Promise.all(grads.map((grad) => grad.data())),
  };
}

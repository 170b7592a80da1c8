import { parseOptions } from '@kd/core';
import {
  ssim,
  ssimIntermediates,
  ssimLevels,
  ssimLoss,
  type SsimLevelsOptions,
  type SsimOptions,
} from '@kd/plugin-ssim';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
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

interface SsimCase {
  readonly id: string;
  readonly file: string;
  readonly config: SsimOptions & { readonly levels: 'sum' | 'mean'; readonly weight: number };
  readonly levels: number;
  readonly loss: number;
  readonly perLevel: readonly number[];
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly expected: Readonly<Record<string, readonly number[]>>;
  readonly tolerance: { readonly loss: number; readonly grad: number };
}

/** Float32 against a float64 reference; ratios of small second moments amplify rounding in the last two. */
const INTERMEDIATE_TOLERANCE: Readonly<Record<string, number>> = {
  norm: 2e-6,
  mu: 2e-6,
  var: 2e-6,
  cov: 2e-6,
  luminance: 1e-5,
  cs: 1e-4,
  contrast: 1e-3,
  structure: 1e-3,
  ssim: 1e-4,
};

describeGolden('ssim', (area) => {
  beforeAll(async () => {
    await startEngine();
    // The engine may have to set its library up first.
  });

  test('defaults and constants of the index are those of the plugin', () => {
    const { defaults, constants } = area.index as Partial<Record<string, Record<string, unknown>>>;
    // The weight of the index is that of one level's loss; the plugin's default follows from the detector.
    const { weight: _, ...wanted } = defaults ?? {};
    expect(parseOptions(ssim.definition.options, {}, 'ssim')).toMatchObject(wanted);
    only('constants', constants, { signedPowerDelta: 1e-3, covarianceJitter: 1e-6, rangeEps: 1e-6 });
  });

  describe('loss and gradients', () => {
    for (const one of casesOf<SsimCase>(area)) {
      goldenTest('area', 'ssim', one.id, () =>
        readWhole(one, async (one) => {
          const before = tf.memory().numTensors;
          const tensors = await area.tensors(one.file);
          const { loss, perLevel, gradients } = await scoped(() => run(one, tensors));
          expect(Math.abs(loss - one.loss), 'loss').toBeLessThanOrEqual(one.tolerance.loss);
          expectClose(perLevel, one.perLevel, one.tolerance.loss, 'perLevel');
          const wanted = Object.keys(one.expected).filter((key) => key.startsWith('grad_'));
          expect([...gradients.keys()].sort()).toEqual(wanted.sort());
          for (const [key, gradient] of gradients)
            expectClose(gradient, tensors.get(key).values, one.tolerance.grad, key);
          expect(tf.memory().numTensors).toBe(before);
        }),
      );
    }
  });

  describe('intermediate maps', () => {
    for (const one of casesOf<SsimCase>(area).filter(({ expected }) =>
      Object.keys(expected).some((key) => !key.startsWith('grad_')),
    )) {
      goldenTest('area', 'ssim', one.id, async () => {
        const tensors = await area.tensors(one.file);
        const inputs = inputsOf(one, tensors);
        let compared = 0;
        for (let level = 0; level < one.levels; level++) {
          const maps = ssimIntermediates(
            inputs.get(`s${level}`) as tf.Tensor4D,
            inputs.get(`t${level}`) as tf.Tensor4D,
            lossOptions(one),
          );
          for (const [name, map] of Object.entries(maps)) {
            const key = `${name}${level}`;
            if (!(key in one.expected)) continue;
            expect(map.shape, key).toEqual(one.expected[key]);
            expectClose(await map.data(), tensors.get(key).values, INTERMEDIATE_TOLERANCE[name.split('_')[0]!]!, key);
            compared++;
          }
          tf.dispose(maps);
        }
        tf.dispose([...inputs.values()]);
        expect(compared).toBeGreaterThanOrEqual(4 * one.levels);
      });
    }
  });
});

function inputsOf(one: SsimCase, tensors: GoldenTensors): Map<string, tf.Tensor> {
  return new Map(
    Object.entries(one.inputs).map(([key, shape]) => [
      key,
      tf.tensor(Float32Array.from(tensors.get(key).values), [...shape]),
    ]),
  );
}

const LOSS_OPTIONS = [
  ...(['window', 'windowType', 'sigma', 'k1', 'k2', 'alpha', 'beta', 'gamma', 'padding', 'form'] as const),
  ...(['normalize', 'scope', 'rangeFrom', 'detachRange', 'dynamicRange'] as const),
];

/** One by one, so that an option that is not among them stays unread. */
const lossOptions = ({ config }: SsimCase): SsimOptions =>
  Object.fromEntries(LOSS_OPTIONS.map((key) => [key, config[key]]));

async function run(
  one: SsimCase,
  tensors: GoldenTensors,
): Promise<{ loss: number; perLevel: number[]; gradients: Map<string, ArrayLike<number>> }> {
  const inputs = inputsOf(one, tensors);
  const numbers = Array.from({ length: one.levels }, (_, i) => i);
  const named = (prefix: string): tf.Tensor4D[] => numbers.map((i) => inputs.get(`${prefix}${i}`) as tf.Tensor4D);
  const teachers = named('t');
  const weights = inputs.has('w0') ? named('w') : undefined;

  const leaves = [...inputs.keys()].filter((key) => !/^[tw]\d/.test(key));
  const adapters = (values: ReadonlyMap<string, tf.Tensor>) =>
    inputs.has('adapter0_kernel')
      ? numbers.map((i) => ({
          kernel: values.get(`adapter${i}_kernel`) as tf.Tensor4D,
          bias: values.get(`adapter${i}_bias`) as tf.Tensor1D,
        }))
      : undefined;
  const total = (...values: tf.Tensor[]): tf.Scalar => {
    const by = new Map(leaves.map((key, i) => [key, values[i]!]));
    const made = adapters(by);
    const { levels, weight } = one.config;
    const options: SsimLevelsOptions = {
      ...lossOptions(one),
      levels: oneOf('levels', levels, ['sum', 'mean']),
      weight,
    };
    return ssimLevels(
      numbers.map((i) => by.get(`s${i}`) as tf.Tensor4D),
      teachers,
      options,
      { ...(weights && { weights }), ...(made && { adapters: made }) },
    );
  };
  const { value, grads } = tf.valueAndGrads(touching(total))(leaves.map((key) => inputs.get(key)!));

  const perLevel = numbers.map((i) => {
    const adapter = adapters(inputs)?.[i];
    if (adapter) return ssimLevels([named('s')[i]!], [teachers[i]!], lossOptions(one), { adapters: [adapter] });
    return ssimLoss(named('s')[i]!, teachers[i]!, lossOptions(one), weights?.[i]);
  });
  return {
    loss: (await value.data())[0]!,
    perLevel: (await tf.stack(perLevel).array()) as number[],
    gradients: new Map(
      await Promise.all(grads.map(async (grad, i) => [`grad_${leaves[i]!}`, await grad.data()] as const)),
    ),
  };
}

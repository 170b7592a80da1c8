import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import {
  createRng,
  type Detector,
  type Hooks,
  parseOptions,
  type PluginDefinition,
  type PluginScope,
  type StepView,
  type TapInfo,
  TapRegistry,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { fgd, type FgdInput } from './fgd.js';

beforeAll(() => tf.setBackend('cpu'));

const TAPS: TapInfo[] = [8, 64].map((stride, i) => ({ name: `neck@p${i}`, stride, channels: 2 }));
const SIZES = [4, 1];

function stage(options: FgdInput, { boxes = 'delta', twoStage = false, channels = 2 } = {}) {
  const definition = fgd.definition as unknown as PluginDefinition;
  const detector = (of: number) =>
    ({
      name: 'toy',
      taps: TAPS.map((tap) => ({ ...tap, channels: of })),
      capabilities: new Set(twoStage ? ['roi.align'] : ['dense']),
      dense: { boxes, priorsPerCell: 1, coding: {} },
    }) as unknown as Detector;
  const models = { student: detector(channels), teacher: detector(2) };
  const names: string[] = [];
  const groups: object[] = [];
  const variable = (name: string, value: tf.Tensor) => (names.push(name), value);
  const rng = createRng(1, 'plugin');
  const scope = {
    id: 'fgd',
    ...models,
    rng,
    variable,
    variables: (own: object) => (groups.push(own), { rng, variable }),
  } as unknown as PluginScope;
  const hooks: Hooks = definition.create(scope, parseOptions(definition.options, options, 'fgd'));
  hooks.featureTap!(new TapRegistry(models).for('fgd'));
  return { hooks, names, groups };
}

const maps = (seed: number) =>
  Object.fromEntries(
    TAPS.map(({ name }, i) => [name, tf.randomNormal([1, SIZES[i]!, SIZES[i]!, 2], 0, 1, 'float32', seed + i)]),
  );

function terms(
  { hooks }: { hooks: Hooks },
  { boxes = [[0, 0, 15, 15]], trust, seed = 9 }: { boxes?: number[][]; trust?: number; seed?: number } = {},
) {
  const model = (taps: Record<string, tf.Tensor>) => ({ tap: ({ name }: TapInfo) => taps[name]! });
  const weights = trust === undefined ? null : { levels: SIZES.map(() => tf.tensor2d([[trust]])) };
  const step = {
    student: model(maps(1)),
    teacher: model(maps(seed)),
    targets: {
      boxes: tf.tensor3d(boxes.flat(), [1, boxes.length, 4]),
      mask: tf.ones([1, boxes.length]),
      paddedSize: [32, 32],
    },
    instances: { matched: tf.zeros([1, 1], 'int32') },
    weights: { get: () => weights },
  } as unknown as StepView;
  return Object.fromEntries(
    Object.entries(hooks.lossCompose!(step)).map(([name, term]) => [name, term.dataSync()[0]!]),
  ) as Record<'foreground' | 'background' | 'attention' | 'relation', number>;
}

describe('fgd', () => {
  it.each([
    ['delta', false, { foreground: 1e-3, background: 5e-4, attention: 5e-4, relation: 5e-6 }, 0.5],
    ['distribution', false, { foreground: 1e-3, background: 5e-4, attention: 5e-4, relation: 5e-6 }, 0.5],
    ['distance', false, { foreground: 1.6e-3, background: 8e-4, attention: 8e-4, relation: 8e-6 }, 0.8],
    ['delta', true, { foreground: 5e-5, background: 2.5e-5, attention: 5e-5, relation: 5e-7 }, 0.5],
  ])('weighs as published for boxes %s, two stages %s', (boxes, twoStage, weights, temperature) => {
    expect(stage({}, { boxes, twoStage }).hooks.settled).toEqual({ weights, temperature });
    const some = stage({ weights: { relation: 0 }, temperature: 2 }, { boxes, twoStage }).hooks.settled;
    expect(some).toEqual({ weights: { ...weights, relation: 0 }, temperature: 2 });
    const unsaid = stage({ weights: { foreground: undefined } }, { boxes, twoStage }).hooks.settled;
    expect(unsaid).toEqual({ weights, temperature });
  });

  it('is 0 in all terms where the maps are the same', () => {
    expect(terms(stage({}), { seed: 1 })).toEqual({ foreground: 0, background: 0, attention: 0, relation: 0 });
  });

  it('has no foreground without boxes, and the background then is everywhere', () => {
    const [none, all] = [terms(stage({}), { boxes: [] }), terms(stage({}), { boxes: [[0, 0, 32, 32]] })];
    expect(none.foreground).toBe(0);
    expect(none.background).toBeGreaterThan(0);
    expect(all.background).toBe(0);
    expect(all.foreground).toBeGreaterThan(0);
  });

  it('reads the weights of instances, unless told not to', () => {
    const [plain, half] = [terms(stage({})), terms(stage({}), { trust: 0.5 })];
    expect(half.foreground).toBeCloseTo(plain.foreground / 2, 8);
    expect(half.background).toBe(plain.background);
    expect(terms(stage({ instanceWeights: false }), { trust: 0.5 })).toEqual(plain);
  });

  it('has adapters where channels differ, or everywhere, and blocks that an optimiser of their own may move', () => {
    const adapters = (names: string[]) => names.filter((name) => /^neck@p\d\/kernel$/.test(name));
    expect(adapters(stage({}).names)).toEqual([]);
    expect(adapters(stage({ adapter: 'conv1x1' }).names)).toEqual(['neck@p0/kernel', 'neck@p1/kernel']);
    expect(adapters(stage({}, { channels: 3 }).names)).toEqual(['neck@p0/kernel', 'neck@p1/kernel']);
    expect(() => stage({ adapter: 'none' }, { channels: 3 })).toThrow(/adapter: 'conv1x1'/);
    const own = { optimizer: { name: 'adamw', lr: 1e-4 }, clipNorm: 0.01 } as const;
    expect(stage({ ownOptimizer: own }).groups).toMatchObject([own]);
    expect(stage({}).groups).toEqual([]);
  });
});

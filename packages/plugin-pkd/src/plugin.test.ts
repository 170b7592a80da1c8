import '@tensorflow/tfjs-backend-cpu';
import {
  createRng,
  parseOptions,
  TapRegistry,
  type Detector,
  type Hooks,
  type PluginScope,
  type StepView,
  type TapInfo,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import pkd, { pkdLevels, type PkdPluginInput } from './index.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const tap = (name: string, stride: number, channels: number): TapInfo => ({ name, stride, channels });
const neck = (channels: number): TapInfo[] => [
  tap('neck@p3', 8, channels),
  tap('neck@p4', 16, channels),
  tap('backbone.body.layer4', 32, 64),
];

/** The plugin behind core's own tap pairing, on detectors that consist of taps alone. */
function stage(options: PkdPluginInput, student: TapInfo[], teacher: TapInfo[], capabilities: string[] = ['dense']) {
  const detector = (name: string, taps: TapInfo[]) =>
    ({ name, taps, capabilities: new Set(capabilities) }) as unknown as Detector;
  const models = { student: detector('small', student), teacher: detector('large', teacher) };
  const variables = new Map<string, tf.Tensor>();
  const scope = {
    id: 'pkd',
    ...models,
    rng: createRng(1, 'plugin'),
    variable: (name: string, value: tf.Tensor) => (variables.set(name, value), value),
  } as unknown as PluginScope;
  const registry = new TapRegistry(models);
  const hooks = pkd.definition.create(scope, parseOptions(pkd.definition.options, options, 'distiller "pkd"'));
  hooks.featureTap!(registry.for('pkd'));
  return { hooks, variables, requested: [...registry.requested('student')].sort() };
}

const maps = (seed: number, channels: number): Record<string, tf.Tensor4D> => ({
  'neck@p3': tf.randomNormal([2, 8, 10, channels], 0, 1, 'float32', seed),
  'neck@p4': tf.randomNormal([2, 4, 5, channels], 0, 1, 'float32', seed + 1),
});

function feat(hooks: Hooks, students: Record<string, tf.Tensor4D>, teachers: Record<string, tf.Tensor4D>): number {
  const model = (taps: Record<string, tf.Tensor4D>) => ({ tap: ({ name }: TapInfo) => taps[name]! });
  return tf.tidy(() => {
    const terms = hooks.lossCompose!({ student: model(students), teacher: model(teachers) } as unknown as StepView);
    expect(Object.keys(terms)).toEqual(['feat']);
    return terms['feat']!.dataSync()[0]!;
  });
}

describe('pkd', () => {
  const [students, teachers] = [maps(1, 3), maps(11, 3)];
  const plain = (): number => tf.tidy(() => pkdLevels(Object.values(students), Object.values(teachers)).dataSync()[0]!);

  it('taps the neck of both and adds its levels, weighted 10 on a one-stage and 6 on a two-stage detector, there without the pooled level', () => {
    const oneStage = stage({}, neck(3), neck(3));
    expect(oneStage.requested).toEqual(['neck@p3', 'neck@p4']);
    expect(feat(oneStage.hooks, students, teachers)).toBeCloseTo(10 * plain(), 4);
    const pooled = [...neck(3), tap('neck@pool', 64, 3)];
    const twoStage = stage({}, pooled, pooled, ['roi.align']);
    expect(twoStage.requested).toEqual(['neck@p3', 'neck@p4']);
    expect(feat(twoStage.hooks, students, teachers)).toBeCloseTo(6 * plain(), 4);
    expect(feat(stage({ weight: 0.5 }, neck(3), neck(3)).hooks, students, teachers)).toBeCloseTo(0.5 * plain(), 5);
    expect(stage({ taps: 'neck@p4' }, neck(3), neck(3)).requested).toEqual(['neck@p4']);
  });

  it('refuses channels that differ, and says which option helps', () => {
    expect(() => stage({}, neck(2), neck(3))).toThrow(/neck@p3 has 2 channels.*adapter: 'conv1x1'/s);
  });

  it('brings channels together with adapters that differ by level and depend on the seed alone', () => {
    const { hooks, variables } = stage({ adapter: 'conv1x1' }, neck(2), neck(3));
    expect([...variables.keys()]).toEqual(['neck@p3/kernel', 'neck@p3/bias', 'neck@p4/kernel', 'neck@p4/bias']);
    const values = (name: string, from = variables): number[] => [...from.get(name)!.dataSync()];
    expect(values('neck@p3/kernel').every((value) => value !== 0 && Math.abs(value) <= 1 / Math.sqrt(2))).toBe(true);
    expect(values('neck@p3/kernel')).not.toEqual(values('neck@p4/kernel'));
    expect(values('neck@p3/kernel', stage({ adapter: 'conv1x1' }, neck(2), neck(3)).variables)).toEqual(
      values('neck@p3/kernel'),
    );
    const loss = feat(hooks, maps(1, 2), teachers);
    expect(loss).toBeGreaterThan(0);
    expect(loss).toBeLessThan(40);
  });

  it.each([
    [{ eps: 0 }, /eps/],
    [{ weight: -1 }, /weight/],
    [{ wieght: 2 }, /wieght/],
    [{ resize: 'both' }, /resize/],
    [{ adapter: 'linear' }, /adapter/],
    [{ taps: [] }, /taps/],
  ])('refuses options that cannot be meant: %j', (options, message) => {
    expect(() => parseOptions(pkd.definition.options, options, 'distiller "pkd"')).toThrow(message);
  });
});

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
import { insideImages } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import ssim, { type SsimPluginInput } from './index.js';
import { ssimLevels } from './ssim-levels.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

interface Stage {
  readonly hooks: Hooks;
  readonly variables: Map<string, tf.Tensor>;
  readonly requested: readonly string[];
}

const tap = (name: string, stride: number, channels: number): TapInfo => ({ name, stride, channels });
const neck = (channels: number): TapInfo[] => [
  tap('neck@p3', 8, channels),
  tap('neck@p4', 16, channels),
  tap('backbone.body.layer4', 32, 64),
];

/** The plugin behind core's own tap pairing, on detectors that consist of taps alone. */
function stage(
  options: Parameters<typeof ssim>[0],
  student: TapInfo[],
  teacher: TapInfo[],
  capabilities: string[] = ['dense'],
): Stage {
  const detector = (name: string, taps: TapInfo[]) =>
    ({ name, taps, capabilities: new Set(capabilities) }) as unknown as Detector;
  const models = { student: detector('small', student), teacher: detector('large', teacher) };
  const variables = new Map<string, tf.Tensor>();
  const scope = {
    id: 'ssim',
    ...models,
    rng: createRng(1, 'plugin'),
    variable: (name: string, value: tf.Tensor) => (variables.set(name, value), value),
  } as unknown as PluginScope;
  const registry = new TapRegistry(models);
  const hooks = ssim.definition.create(scope, parseOptions(ssim.definition.options, options ?? {}, 'distiller "ssim"'));
  hooks.featureTap!(registry.for('ssim'));
  return { hooks, variables, requested: registry.requested('student') };
}

const maps = (seed: number, channels: number): Record<string, tf.Tensor4D> => ({
  'neck@p3': tf.randomNormal([2, 8, 10, channels], 0, 1, 'float32', seed),
  'neck@p4': tf.randomNormal([2, 4, 5, channels], 0, 1, 'float32', seed + 1),
});

function feat(
  hooks: Hooks,
  students: Record<string, tf.Tensor4D>,
  teachers: Record<string, tf.Tensor4D>,
  imageSizes: [number, number][] = [
    [64, 80],
    [64, 80],
  ],
  trust?: readonly [number, number],
): number {
  const model = (taps: Record<string, tf.Tensor4D>) => ({ tap: ({ name }: TapInfo) => taps[name]! });
  // An object in the first image, with one instance.
  const step = {
    student: model(students),
    teacher: model(teachers),
    targets: { imageSizes, boxes: tf.tensor3d([[[0, 0, 32, 32]], [[0, 0, 0, 0]]]), mask: tf.tensor2d([[1], [0]]) },
    instances: { matched: tf.tensor2d([[0], [-1]], [2, 1], 'int32') },
    weights: { get: () => trust && { levels: trust.map((weight) => tf.fill([2, 1], weight)) } },
  } as unknown as StepView;
  return tf.tidy(() => {
    const terms = hooks.lossCompose!(step);
    expect(Object.keys(terms)).toEqual(['feat']);
    return terms['feat']!.dataSync()[0]!;
  });
}

const plain = (
  students: Record<string, tf.Tensor4D>,
  teachers: Record<string, tf.Tensor4D>,
  options: Parameters<typeof ssimLevels>[2] = {},
): number => tf.tidy(() => ssimLevels(Object.values(students), Object.values(teachers), options).dataSync()[0]!);

describe('ssim', () => {
  it('taps the neck of both and adds its levels, weighted 4 on a one-stage and 2 on a two-stage detector', () => {
    const [students, teachers] = [maps(1, 3), maps(11, 3)];
    const oneStage = stage({}, neck(3), neck(3));
    expect(oneStage.requested).toEqual(['neck@p3', 'neck@p4']);
    expect(feat(oneStage.hooks, students, teachers)).toBeCloseTo(4 * plain(students, teachers), 5);
    const pooled = [...neck(3), tap('neck@p2', 4, 3), tap('neck@pool', 64, 3)];
    const twoStage = stage({}, pooled, pooled, ['roi.align']);
    expect([...twoStage.requested].sort()).toEqual(['neck@p2', 'neck@p3', 'neck@p4']);
    expect(
      feat(stage({ taps: ['neck@p3', 'neck@p4'] }, pooled, pooled, ['roi.align']).hooks, students, teachers),
    ).toBeCloseTo(2 * plain(students, teachers), 5);
    expect(feat(stage({ form: 'full' }, neck(3), neck(3)).hooks, students, teachers)).toBeCloseTo(
      4 * plain(students, teachers),
      5,
    );
    // `form` is of SSIM alone.
    expect(feat(stage({ form: 'full', loss: 'l2' }, neck(3), neck(3)).hooks, students, teachers)).toBeCloseTo(
      4 * plain(students, teachers, { loss: 'l2' }),
      5,
    );
    expect(
      feat(stage({ weight: 0.5, loss: 'l2', levels: 'mean' }, neck(3), neck(3)).hooks, students, teachers),
    ).toBeCloseTo(0.5 * plain(students, teachers, { loss: 'l2', levels: 'mean' }), 5);
  });

  it('refuses channels that differ, and says which option helps', () => {
    expect(() => stage({}, neck(2), neck(3))).toThrow(/neck@p3 has 2 channels.*adapter: 'conv1x1'/s);
  });

  it('brings channels together with adapters that are not zero, differ by level and depend on the seed alone', () => {
    const { hooks, variables } = stage({ adapter: 'conv1x1' }, neck(2), neck(3));
    expect([...variables.keys()]).toEqual(['neck@p3/kernel', 'neck@p3/bias', 'neck@p4/kernel', 'neck@p4/bias']);
    expect(variables.get('neck@p3/kernel')!.shape).toEqual([1, 1, 2, 3]);
    const values = (name: string, from = variables): number[] => [...from.get(name)!.dataSync()];
    expect(values('neck@p3/kernel').every((value) => value !== 0 && Math.abs(value) <= 1 / Math.sqrt(2))).toBe(true);
    expect(values('neck@p3/kernel')).not.toEqual(values('neck@p4/kernel'));
    expect(values('neck@p3/kernel', stage({ adapter: 'conv1x1' }, neck(2), neck(3)).variables)).toEqual(
      values('neck@p3/kernel'),
    );
    const loss = feat(hooks, maps(1, 2), maps(11, 3));
    expect(loss).toBeGreaterThan(0);
    expect(loss).toBeLessThan(8);
  });

  it('counts the cells of objects by the weights of their level, unless told not to', () => {
    const [students, teachers] = [maps(1, 3), maps(11, 3)];
    const of = (options: SsimPluginInput, trust?: readonly [number, number]): number =>
      feat(stage(options, neck(3), neck(3)).hooks, students, teachers, undefined, trust);
    const plain = of({ loss: 'l2' });
    expect(of({ loss: 'l2' }, [1, 1])).toBeCloseTo(plain, 5);
    const weighed = (i: number, weight: number): number =>
      tf.tidy(() => {
        const [s, t] = [Object.values(students)[i]!, Object.values(teachers)[i]!];
        const cells = new Float32Array(s.size / 3).fill(1);
        // Of the first image the object covers 4 x 4 cells of stride 8, and 2 x 2 of stride 16.
        const [side, width] = [4 / (i + 1), s.shape[2]];
        for (let y = 0; y < side; y++) cells.fill(weight, y * width, y * width + side);
        const weights = [tf.tensor4d(cells, [2, s.shape[1], width, 1])];
        return ssimLevels([s], [t], { loss: 'l2' }, { weights }).dataSync()[0]!;
      });
    expect(of({ loss: 'l2' }, [0.25, 0.5])).toBeCloseTo(4 * (weighed(0, 0.25) + weighed(1, 0.5)), 4);
    expect(of({ loss: 'l2' }, [0.25, 0.5])).not.toBeCloseTo(plain, 3);
    expect(of({}, [0.25, 0.5])).not.toBeCloseTo(of({}), 4);
    expect(of({ loss: 'l2', instanceWeights: false }, [0.25, 0.5])).toBe(plain);
    // Its result has other cells than the map.
    expect(of({ padding: 'valid', window: 3 }, [0.25, 0.5])).toBe(of({ padding: 'valid', window: 3 }));
  });

  it('leaves the padding of a batch out on demand', () => {
    const sizes: [number, number][] = [
      [64, 80],
      [33, 41],
    ];
    const [students, teachers] = [maps(1, 3), maps(11, 3)];
    expect(feat(stage({ maskPadding: true }, neck(3), neck(3)).hooks, students, teachers, sizes)).not.toBeCloseTo(
      feat(stage({}, neck(3), neck(3)).hooks, students, teachers, sizes),
      3,
    );
    expect(feat(stage({ maskPadding: true }, neck(3), neck(3)).hooks, students, teachers)).toBeCloseTo(
      feat(stage({}, neck(3), neck(3)).hooks, students, teachers),
      4,
    );
    const weights = insideImages([2, 8, 10, 3], 8, sizes);
    expect(weights.shape).toEqual([2, 8, 10, 1]);
    const rows = weights.dataSync();
    expect(rows.subarray(0, 80).every((w) => w === 1)).toBe(true);
    expect(
      Array.from({ length: 8 }, (_, y) => [...rows.subarray(80 + y * 10, 90 + y * 10)].reduce((sum, w) => sum + w, 0)),
    ).toEqual([6, 6, 6, 6, 6, 0, 0, 0]);
  });

  it.each([
    [{ alpha: 0, beta: 0, gamma: 0 }, /leaves nothing to learn/],
    [{ maskPadding: true, padding: 'valid' }, /maskPadding needs/],
    [{ window: 4 }, /window: the window must be odd/],
    [{ sigma: 0 }, /sigma/],
    [{ wieght: 2 }, /wieght/],
    [{ adapter: 'linear' }, /adapter/],
    [{ taps: [] }, /taps/],
  ])('refuses options that cannot be meant: %j', (options, message) => {
    expect(() => parseOptions(ssim.definition.options, options, 'distiller "ssim"')).toThrow(message);
  });
});

describe('ssimLevels', () => {
  it('refuses lists of different lengths', () => {
    const map = tf.ones<tf.Rank.R4>([1, 3, 3, 1]);
    expect(() => ssimLevels([map, map], [map])).toThrow(/2 maps of the student and 1 teacher's maps/);
    expect(() => ssimLevels([map], [map], {}, { weights: [] })).toThrow(/1 maps of the student and 0 weights/);
  });

  it('averages over the levels that have elements', () => {
    const [a, b] = [
      tf.randomNormal<tf.Rank.R4>([1, 5, 5, 1], 0, 1, 'float32', 1),
      tf.randomNormal<tf.Rank.R4>([1, 5, 5, 1], 0, 1, 'float32', 2),
    ];
    const empty = tf.zeros<tf.Rank.R4>([1, 0, 5, 1]);
    const value = (students: tf.Tensor4D[], teachers: tf.Tensor4D[]): number =>
      tf.tidy(() => ssimLevels(students, teachers, { levels: 'mean' }).dataSync()[0]!);
    expect(value([a, empty], [b, empty])).toBeCloseTo(value([a], [b]), 6);
    expect(value([empty], [empty])).toBe(0);
  });
});

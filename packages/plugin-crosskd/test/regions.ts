import '@tensorflow/tfjs-backend-cpu';
import {
  createRng,
  type Detector,
  type Hooks,
  parseOptions,
  type PluginScope,
  type RegionHead,
  type RegionOutput,
  type StepView,
  TapRegistry,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import crosskd, { type CrossKdInput } from '../src/index.js';

export interface RegionKind {
  readonly name?: string;
  /** Channels of the pooled features, bins a side, units of the one block. */
  readonly channels?: number;
  readonly bins?: number;
  readonly units?: number;
  readonly classes?: readonly string[];
  readonly background?: 'first' | 'last';
  /** What each stage of the cascade counts. */
  readonly stages?: readonly number[];
  readonly seed?: number;
}

export interface RegionModel extends Detector {
  readonly head: undefined;
  readonly boxHead: RegionHead;
  /** `<stage>.block`, `<stage>.logits`, `<stage>.deltas` */
  readonly weights: ReadonlyMap<string, tf.Variable<tf.Rank.R2>>;
}

/** A second stage of one linear block and two predictors a stage; it pools nothing, features are handed to it. */
export function regionModel({
  name = 'two',
  channels = 3,
  bins = 1,
  units = 4,
  classes = ['x', 'y'],
  background = 'first',
  stages = [1],
  seed = 1,
}: RegionKind = {}): RegionModel {
  const matrix = (rows: number, columns: number, at: number): tf.Variable<tf.Rank.R2> =>
    tf.variable(tf.randomNormal<tf.Rank.R2>([rows, columns], 0, 0.7, 'float32', seed * 100 + at));
  const columns = classes.length + 1;
  const weights = new Map<string, tf.Variable<tf.Rank.R2>>(
    stages.flatMap((_, i) => [
      [`${i}.block`, matrix(bins * bins * channels, units, 3 * i)] as const,
      [`${i}.logits`, matrix(units, columns, 3 * i + 1)] as const,
      [`${i}.deltas`, matrix(units, 4 * columns, 3 * i + 2)] as const,
    ]),
  );
  const times = (x: tf.Tensor4D, of: string): tf.Tensor4D => {
    const product = tf.matMul(tf.reshape(x, [x.shape[0], -1]), weights.get(of)! as tf.Tensor as tf.Tensor2D);
    return tf.reshape(product, [x.shape[0], 1, 1, -1]);
  };
  const boxHead: RegionHead = {
    branches: ['box'],
    stages: stages.map((weight) => ({ weight })),
    pooled: [bins, bins, channels],
    depth: () => 1,
    run(_branch, x, { level, from = 0, to = 2 }): Record<string, tf.Tensor4D> {
      const feature = from === 0 && to > 0 ? tf.relu(times(x, `${level}.block`)) : x;
      return to < 2
        ? { feature }
        : { logits: times(feature, `${level}.logits`), deltas: times(feature, `${level}.deltas`) };
    },
  };
  return {
    name,
    boxHead,
    weights,
    capabilities: new Set(['roi.align', 'head.staged']),
    categories: classes.map((of, id) => ({ id, name: of })),
    taps: [],
    secondStage: { background: background === 'first' ? 0 : classes.length, head: boxHead },
  } as unknown as RegionModel;
}

export interface RegionStage {
  readonly hooks: Hooks;
  readonly variables: Map<string, tf.Variable>;
  readonly told: string[];
}

export function regionStage(student: Detector, teacher: Detector, options: CrossKdInput = {}): RegionStage {
  const variables = new Map<string, tf.Variable>();
  const told: string[] = [];
  const logger = {
    info: (message: string) => void told.push(message),
    warn: (message: string) => void told.push(message),
  };
  const scope = {
    ...{ id: 'crosskd', student, teacher, logger, rng: createRng(1) },
    variable: (name: string, initial: tf.Tensor) => {
      variables.set(name, tf.variable(initial));
      return variables.get(name)!;
    },
  } as unknown as PluginScope;
  const hooks = crosskd.definition.create(scope, parseOptions(crosskd.definition.options, options, 'crosskd'));
  hooks.featureTap?.(new TapRegistry({ student, teacher }).for('crosskd'));
  return { hooks, variables, told };
}

/** Regions of a stage: what the student pooled [b, n, s, s, c], and which of them count. */
export interface Pooled {
  readonly student: tf.Tensor5D;
  readonly teacher: tf.Tensor5D;
  /** Of each region of each image: 0 an object, -1 background, -2 no sample. */
  readonly matched: readonly (readonly number[])[];
}

/** A step in which student and teacher pooled these features, a stage each. */
export function regionStep(teacher: RegionModel, stages: readonly Pooled[]): StepView {
  const boxes = stages.map(({ student: { shape } }, stage) => tf.fill([shape[0], shape[1], 4], stage));
  const said = (features: tf.Tensor5D): RegionOutput => {
    const [b, n, height, width, c] = features.shape;
    const maps = teacher.boxHead.run('box', tf.reshape(features, [b * n, height, width, c]), { level: 0 });
    return {
      features,
      levels: tf.zeros([b, n], 'int32'),
      logits: tf.reshape(maps['logits']!, [b, n, -1]),
      deltas: tf.reshape(maps['deltas']!, [b, n, -1]),
    };
  };
  return {
    regions: stages.map(({ student, matched }, stage) => ({
      regions: {
        boxes: boxes[stage]!,
        matched: tf.tensor2d(matched.flat(), [student.shape[0], student.shape[1]], 'int32'),
      },
      output: { features: student },
    })),
    teacher: {
      regions: (of: tf.Tensor3D) => said(stages[boxes.findIndex((one) => one === of)]!.teacher),
    },
  } as unknown as StepView;
}

export const pooled = (
  matched: readonly (readonly number[])[],
  {
    channels = 3,
    bins = 1,
    seed = 1,
  }: { readonly channels?: number; readonly bins?: number; readonly seed?: number } = {},
): Pooled => {
  const of = (at: number): tf.Tensor5D =>
    tf.randomNormal([matched.length, matched[0]!.length, bins, bins, channels], 0, 1, 'float32', at);
  return { student: of(seed), teacher: of(seed + 1), matched };
};

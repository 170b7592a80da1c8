import '@tensorflow/tfjs-backend-cpu';
import {
  type Assignment,
  createRng,
  type DenseInfo,
  type Detector,
  type DetectorOutput,
  type Hooks,
  parseOptions,
  type PluginScope,
  type StepView,
  TapRegistry,
} from '@kd/core';
import { buildDenseHead, decodeBoxes, decodeDistances, type DenseHead, layerVariables } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import crosskd, { type CrossKdInput } from '../src/index.js';

export interface Made extends Detector {
  readonly head: DenseHead;
  readonly dense: DenseInfo;
}

export interface Kind {
  readonly name?: string;
  readonly boxes?: DenseInfo['boxes'];
  readonly bins?: number;
  /** Priors a cell. */
  readonly priors?: number;
  readonly depth?: number;
  readonly width?: number;
  readonly strides?: readonly number[];
  readonly classes?: readonly string[];
  readonly centerness?: boolean;
  /** What that map tells. */
  readonly quality?: DenseInfo['quality'];
  readonly seed?: number;
}

const CELLS = 4;

/** A detector of any kind around a head; the finest level has 4 x 4 cells. */
export function detector({
  name = 'a',
  boxes = 'delta',
  bins,
  priors = 1,
  depth = 3,
  width = 4,
  strides = [8, 16],
  classes = ['x', 'y'],
  centerness = false,
  quality,
  seed = 1,
}: Kind = {}): Made {
  const block = (path: string) => (i: number) => ({
    conv: `${path}.${i}`,
    norm: `${path}.${i}.n`,
    tap: `${path}.${i}`,
  });
  const reg = {
    layer: 'reg.out',
    channels: priors * 4 * (bins ?? 1),
    ...(boxes === 'distance' && ({ activate: 'exp', bias: 2 } as const)),
  };
  const head = buildDenseHead({
    detector: name,
    inChannels: 4,
    depth,
    channels: width,
    norm: 'none',
    groups: 1,
    strides,
    seed,
    branches: {
      cls: { block: block('cls'), outputs: { cls: { layer: 'cls.out', channels: priors * classes.length, bias: -1 } } },
      reg: {
        block: block('reg'),
        outputs: { reg, ...(centerness && { centerness: { layer: 'ctr.out', channels: priors } }) },
      },
    },
  });
  // The initial weights are small: larger ones make predictions that differ.
  for (const { path, variable } of layerVariables(head.layers))
    if (path.endsWith('kernel')) tf.tidy(() => variable.assign(tf.mul(variable, 25)));
  const grid = (levels: readonly tf.Tensor4D[]): number[][] =>
    levels.flatMap(({ shape: [, h, w] }, level) => {
      const stride = strides[level]!;
      return Array.from({ length: h * w }, (_, i) => [(i % w) * stride, Math.floor(i / w) * stride]).flatMap(([x, y]) =>
        Array.from({ length: priors }, (_, prior) => [
          x! - stride,
          y! - stride * (prior + 1),
          x! + stride,
          y! + stride * (prior + 1),
        ]),
      );
    });
  return {
    name,
    head,
    capabilities: new Set(['dense', 'head.staged']),
    categories: classes.map((of, id) => ({ id, name: of })),
    taps: [...strides.map((stride) => ({ name: `neck@p${Math.log2(stride)}`, stride, channels: 4 })), ...head.taps],
    variables: layerVariables(head.layers),
    dense: {
      boxes,
      ...(quality && { quality }),
      ...(bins && { bins }),
      priorsPerCell: priors,
      coding: { strides, priors },
    },
    priors: ({ levels }) => ({
      boxes: tf.tensor2d(grid(levels)),
      perLevel: levels.map(({ shape: [, h, w] }) => h * w * priors),
      strides: strides.map((stride) => [stride, stride]),
    }),
    decode: (codes, { boxes: anchors }) =>
      (boxes === 'distance'
        ? decodeDistances(codes, tf.expandDims(anchors, 0), { normalizeBySize: false })
        : decodeBoxes(codes, tf.expandDims(anchors, 0))) as tf.Tensor3D,
  } as Partial<Detector> as Made;
}

export function forward({ head, taps }: Made, levels: readonly tf.Tensor4D[]): DetectorOutput {
  const tapped: Record<string, tf.Tensor4D> = Object.fromEntries(levels.map((map, level) => [taps[level]!.name, map]));
  const predictions: Record<string, tf.Tensor4D[]> = {};
  for (const branch of head.branches) {
    levels.forEach((map, level) => {
      for (const { name } of head.taps) {
        const place = head.locate(name)!;
        if (place.branch === branch && place.level === level)
          tapped[name] = head.run(branch, map, { level, to: place.block + 1 })['feature']!;
      }
      for (const [name, predicted] of Object.entries(head.run(branch, map, { level })))
        (predictions[name] ??= []).push(predicted);
    });
  }
  return { taps: tapped, levels, predictions, updates: [] };
}

export const pyramid = (seed: number, batch = 2): tf.Tensor4D[] =>
  [CELLS, CELLS / 2].map((side, level) =>
    tf.randomNormal<tf.Rank.R4>([batch, side, side, 4], 0, 1, 'float32', seed + level),
  );

export interface Stage {
  readonly hooks: Hooks;
  readonly variables: Map<string, tf.Variable>;
  readonly warnings: string[];
}

export function stage(student: Detector, teacher: Detector, options: CrossKdInput = {}, id = 'crosskd'): Stage {
  const variables = new Map<string, tf.Variable>();
  const warnings: string[] = [];
  const variable: PluginScope['variable'] = (name, initial) => {
    variables.set(name, tf.variable(initial));
    return variables.get(name)!;
  };
  const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
  const scope = { id, student, teacher, logger, rng: createRng(1), variable } as unknown as PluginScope;
  const hooks = crosskd.definition.create(scope, parseOptions(crosskd.definition.options, options, 'crosskd'));
  hooks.featureTap!(new TapRegistry({ student, teacher }).for(id));
  return { hooks, variables, warnings };
}

/**
 * A step; `matched` is repeated over the priors: 0 positive, -1 background, -2 ignored. `centerness` is the target of
 * every positive.
 */
export function step(
  student: Made,
  teacher: Made,
  {
    matched,
    centerness,
    own = pyramid(1),
    taught = pyramid(11),
  }: { matched?: number[]; centerness?: number; own?: tf.Tensor4D[]; taught?: tf.Tensor4D[] } = {},
): StepView {
  const outputs = { student: forward(student, own), teacher: forward(teacher, taught) };
  const priors = student.priors(outputs.student, [32, 32]);
  const shape: [number, number] = [own[0]!.shape[0], priors.boxes.shape[0]];
  const rows = tf.tensor2d(
    Array.from(
      { length: shape[0] * shape[1] },
      (_, i) => (matched ?? [0, -1, -1])[i % (matched ?? [0, -1, -1]).length]!,
    ),
    shape,
    'int32',
  );
  const positive = tf.cast(tf.greaterEqual(rows, tf.scalar(0, 'int32')), 'float32');
  const assignment: Assignment = {
    matched: rows,
    positives: tf.sum(positive, 1),
    ...(centerness !== undefined && { centerness: tf.mul(positive, centerness) as tf.Tensor2D }),
  };
  const view = (made: Made, { taps, predictions }: DetectorOutput) => ({
    tap: (tap: { name: string }) => taps[tap.name]!,
    predictions,
    head: made.head,
  });
  return {
    student: view(student, outputs.student),
    teacher: view(teacher, outputs.teacher),
    priors,
    assignment,
    targets: { paddedSize: [32, 32] },
  } as unknown as StepView;
}

export const numbers = (terms: Readonly<Record<string, tf.Scalar>>): Record<string, number> =>
  Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, term.dataSync()[0]!]));
export const run = (
  student: Made,
  teacher: Made,
  options: CrossKdInput = {},
  of: Parameters<typeof step>[2] = {},
): Record<string, number> => numbers(stage(student, teacher, options).hooks.lossCompose!(step(student, teacher, of)));

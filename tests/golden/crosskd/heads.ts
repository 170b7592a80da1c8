import type { DenseInfo, Detector, DetectorOutput, Priors } from '@kd/core';
import { buildFcosHead } from '@kd/detector-fcos';
import { buildAtssHead, buildGflHead } from '@kd/detector-gfl';
import { buildRetinaHead } from '@kd/detector-retinanet';
import { decodeBoxes, decodeDistances, type DenseHead, layerVariables, MAX_LOG_SIZE_RATIO } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { GoldenTensors } from '../support/index.js';
import type { CrossCase } from './index-file.js';

/** A detector that consists of a head alone: its levels are given. */
export interface HeadModel {
  readonly detector: Detector;
  readonly head: DenseHead;
  /** Variables by the names of the case, `cls_convs.0.kernel`. */
  readonly variables: ReadonlyMap<string, tf.Variable>;
  /** Every tap and prediction from the levels. */
  forward(levels: readonly tf.Tensor4D[]): DetectorOutput;
  dispose(): void;
}

/** Builds the head of one side, `stu` or `tea`, with the weights of the case in it. */
export function headModel({ params, inputs }: CrossCase, tensors: GoldenTensors, side: 'stu' | 'tea'): HeadModel {
  const head = buildHead(params, side, inputs.includes(`${side}.cls_convs.0.bias`));
  const byPath = new Map(layerVariables(head.layers).map(({ path, variable }) => [path, variable]));
  const names = inputs.filter((key) => key.startsWith(`${side}.`)).map((key) => key.slice(4)).filter((name) => name !== 'scales');
  const pathOf = (name: string): string => variablePath(name, params, [...byPath.keys()]);
  const variables = new Map(names.map((name) => [name, byPath.get(pathOf(name))!]));
  for (const [name, variable] of variables) assign(variable, tensors.get(`${side}.${name}`).values, name);
  const scales = inputs.includes(`${side}.scales`) ? tensors.get(`${side}.scales`).values : [];
  const scaleVariables = Array.from(scales, (value, level): [string, tf.Variable] => {
    const variable = byPath.get(`head.regression_head.scales.${level}/scale`)!;
    assign(variable, [value], 'scale');
    return [`scales.${level}`, variable];
  });
  const all = new Map([...variables, ...scaleVariables]);
  // A weight that the case has not must not be in the head, or it would keep its first value.
  if (all.size !== byPath.size) throw new Error(`the case has ${all.size} weights, the head ${byPath.size}: ${[...byPath.keys()].join(', ')}`);
  const neck = params.strides.map((stride) => ({ name: `neck@p${Math.log2(stride)}`, stride, channels: params.channels }));
  return {
    head, variables: all,
    detector: detectorOf(params, head, [...neck, ...head.taps], tensors),
    forward: (levels) => forward(head, neck.map(({ name }) => name), levels),
    dispose: () => byPath.forEach((variable) => variable.dispose()),
  };
}

function assign(variable: tf.Variable, values: ArrayLike<number>, name: string): void {
  if (variable.size !== values.length) throw new Error(`${name} has ${values.length} elements in the case, ${variable.size} in the head`);
  const value = tf.tensor(Float32Array.from(values), variable.shape);
  variable.assign(value);
  value.dispose();
}

function buildHead(params: CrossCase['params'], side: 'stu' | 'tea', convBias: boolean): DenseHead {
  const { detector, classes, channels, groups, strides, reg_max, centerness_on_reg } = params;
  const shared = { inChannels: channels, depth: side === 'stu' ? params.stacked_stu : params.stacked_tea, channels, norm: groups > 0 ? 'group' as const : 'none' as const, groups: groups || 1, convBias, strides, seed: 0 };
  if (detector === 'retina') return buildRetinaHead({ ...shared, anchors: params.anchors_per_loc, classes });
  if (detector === 'fcos') return buildFcosHead({ ...shared, classes, flavour: 'mmdet', centerness: centerness_on_reg ? 'reg' : 'cls', normOnBbox: params.norm_on_bbox });
  return detector === 'atss' ? buildAtssHead({ ...shared, classes }) : buildGflHead({ ...shared, classes, regMax: reg_max });
}

const PREDICTIONS: Readonly<Record<string, string>> = { cls_pred: 'cls_logits', reg_pred: 'bbox_reg', ctr_pred: 'bbox_ctrness' };

/** `cls_convs.2.gamma` is `head.classification_head.conv.2.1/gamma`; FCOS' list of modules has its ReLUs, too. */
function variablePath(name: string, { detector }: CrossCase['params'], paths: readonly string[]): string {
  const [layer, ...rest] = name.split('.') as [string, ...string[]];
  const weight = rest.at(-1)!;
  const wanted = layer in PREDICTIONS ? `.${PREDICTIONS[layer]!}/${weight}` : `${layer.startsWith('cls') ? 'classification' : 'regression'}_head.conv.${place(Number(rest[0]), weight, detector)}/${weight}`;
  const found = paths.filter((path) => path.endsWith(wanted));
  if (found.length !== 1) throw new Error(`${name}: ${found.length} variables end in ${wanted}; there are ${paths.join(', ')}`);
  return found[0]!;
}

function place(block: number, weight: string, detector: string): string {
  const norm = weight === 'gamma' || weight === 'beta' ? 1 : 0;
  return detector === 'fcos' ? `${3 * block + norm}` : `${block}.${norm}`;
}

function detectorOf(params: CrossCase['params'], head: DenseHead, taps: Detector['taps'], tensors: GoldenTensors): Detector {
  const { detector: name, strides, classes, stds, reg_max, anchors_per_loc } = params;
  const notAsked = (): never => {
    throw new Error('a head alone has no such member');
  };
  const dense: DenseInfo = {
    boxes: name === 'fcos' ? 'distance' : name === 'gfl' ? 'distribution' : 'delta',
    ...(name === 'gfl' && { bins: reg_max + 1 }), priorsPerCell: anchors_per_loc, coding: { strides, stds },
  };
  const decode: Detector['decode'] = (codes, { boxes }) => {
    if (name === 'fcos') return decodeDistances(codes, tf.expandDims(boxes, 0), { normalizeBySize: false }) as tf.Tensor3D;
    const [a, b, c, d] = stds!.map((std) => 1 / std) as [number, number, number, number];
    return decodeBoxes(codes, tf.expandDims(boxes, 0), { weights: [a, b, c, d], clipBelow: -MAX_LOG_SIZE_RATIO }) as tf.Tensor3D;
  };
  return {
    name, capabilities: new Set(['dense', 'head.staged']), categories: Array.from({ length: classes }, (_, id) => ({ id, name: String(id) })),
    input: { minSize: [64], maxSize: 64, fixedSize: null, mean: [0, 0, 0], std: [1, 1, 1], sizeDivisible: 32 },
    taps, variables: [], head, dense, decode, priors: () => goldenPriors(strides, tensors),
    forward: notAsked, assign: notAsked, terms: notAsked, detect: notAsked, dispose: notAsked,
  };
}

/** The priors of the case; points are boxes without a size. */
export function goldenPriors(strides: readonly number[], tensors: GoldenTensors): Priors {
  const levels = strides.map((_, level) => {
    const { values, shape } = tensors.get(`priors.${level}`);
    const rows = tf.tensor2d(Float32Array.from(values), [shape[0]!, shape[1]!]);
    return shape[1] === 2 ? tf.concat([rows, rows], 1) : rows;
  });
  return { boxes: tf.concat(levels, 0), perLevel: levels.map(({ shape }) => shape[0]), strides: strides.map((stride) => [stride, stride]) };
}

function forward(head: DenseHead, neck: readonly string[], levels: readonly tf.Tensor4D[]): DetectorOutput {
  const taps: Record<string, tf.Tensor4D> = Object.fromEntries(levels.map((level, i) => [neck[i]!, level]));
  const predictions: Record<string, tf.Tensor4D[]> = {};
  levels.forEach((feature, level) => {
    for (const branch of head.branches) {
      let x = feature;
      for (let block = 0; block < head.depth(branch); block++) {
        x = head.run(branch, x, { level, from: block, to: block + 1 })['feature']!;
        const tap = head.taps.find(({ name }) => {
          const place = head.locate(name)!;
          return place.branch === branch && place.level === level && place.block === block;
        });
        taps[tap!.name] = x;
      }
      for (const [name, map] of Object.entries(head.run(branch, x, { level, from: head.depth(branch) }))) (predictions[name] ??= []).push(map);
    }
  });
  return { taps, levels, predictions, updates: [] };
}

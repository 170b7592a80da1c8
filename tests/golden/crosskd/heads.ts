import type { DenseInfo, Detector, DetectorOutput, Priors } from '@kd/core';
import { buildFcosHead } from '@kd/detector-fcos';
import { buildAtssHead, buildGflHead } from '@kd/detector-gfl';
import { buildRetinaHead } from '@kd/detector-retinanet';
import { decodeBoxes, decodeDistances, type DenseHead, layerVariables, MAX_LOG_SIZE_RATIO } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { type GoldenTensors, oneOf, only } from '../support/index.js';
import { loadHead } from './head-weights.js';
import type { CrossCase, Role } from './index-file.js';

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
export function headModel(one: CrossCase, tensors: GoldenTensors, side: Role): HeadModel {
  const { params, inputs } = one;
  oneOf('detector', params.detector, ['retina', 'fcos', 'atss', 'gfl']);
  if (params.detector !== 'fcos') {
    only('ranges', params.ranges, null);
    only('norm_on_bbox', params.norm_on_bbox, false);
    only('centerness_on_reg', params.centerness_on_reg, false);
  }
  if (params.detector !== 'gfl') only('reg_max', params.reg_max, 0);
  if (params.detector === 'fcos' || params.detector === 'gfl') only('stds', params.stds, null);
  // Without a norm the towers have a bias whatever `conv_bias` says.
  const biased = inputs.includes(`${side}.cls_convs.0.bias`);
  only('conv_bias', params.conv_bias || params.groups === 0, biased);
  const head = buildHead(params, side, biased);
  const variables = loadHead(layerVariables(head.layers), one, tensors, side);
  const neck = params.strides.map((stride) => ({
    name: `neck@p${Math.log2(stride)}`,
    stride,
    channels: params.channels,
  }));
  return {
    head,
    variables,
    detector: detectorOf(params, head, [...neck, ...head.taps], tensors),
    forward: (levels) =>
      forward(
        head,
        neck.map(({ name }) => name),
        levels,
      ),
    dispose: () => variables.forEach((variable) => variable.dispose()),
  };
}

function buildHead(params: CrossCase['params'], side: Role, convBias: boolean): DenseHead {
  const { detector, classes, channels, groups, strides, reg_max, centerness_on_reg } = params;
  const shared = {
    inChannels: channels,
    depth: side === 'stu' ? params.stacked_stu : params.stacked_tea,
    channels,
    norm: groups > 0 ? ('group' as const) : ('none' as const),
    groups: groups || 1,
    convBias,
    strides,
    seed: 0,
  };
  if (detector === 'retina') return buildRetinaHead({ ...shared, anchors: params.anchors_per_loc, classes });
  if (detector === 'fcos')
    return buildFcosHead({
      ...shared,
      classes,
      flavour: 'mmdet',
      centerness: centerness_on_reg ? 'reg' : 'cls',
      normOnBbox: params.norm_on_bbox,
    });
  return detector === 'atss'
    ? buildAtssHead({ ...shared, classes })
    : buildGflHead({ ...shared, classes, regMax: reg_max });
}

function detectorOf(
  params: CrossCase['params'],
  head: DenseHead,
  taps: Detector['taps'],
  tensors: GoldenTensors,
): Detector {
  const { detector: name, strides, classes, stds, reg_max, anchors_per_loc } = params;
  const notAsked = (): never => {
    throw new Error('a head alone has no such member');
  };
  const dense: DenseInfo = {
    boxes: name === 'fcos' ? 'distance' : name === 'gfl' ? 'distribution' : 'delta',
    ...(name === 'gfl' && { bins: reg_max + 1 }),
    priorsPerCell: anchors_per_loc,
    coding: { strides, stds },
  };
  const decode: Detector['decode'] = (codes, { boxes }) => {
    if (name === 'fcos')
      return decodeDistances(codes, tf.expandDims(boxes, 0), { normalizeBySize: false }) as tf.Tensor3D;
    const [a, b, c, d] = stds!.map((std) => 1 / std) as [number, number, number, number];
    return decodeBoxes(codes, tf.expandDims(boxes, 0), {
      weights: [a, b, c, d],
      clipBelow: -MAX_LOG_SIZE_RATIO,
    }) as tf.Tensor3D;
  };
  return {
    name,
    capabilities: new Set(['dense', 'head.staged']),
    categories: Array.from({ length: classes }, (_, id) => ({ id, name: String(id) })),
    input: { minSize: [64], maxSize: 64, fixedSize: null, mean: [0, 0, 0], std: [1, 1, 1], sizeDivisible: 32 },
    taps,
    variables: [],
    head,
    dense,
    decode,
    priors: () => goldenPriors(strides, tensors),
    forward: notAsked,
    assign: notAsked,
    terms: notAsked,
    detect: notAsked,
    dispose: notAsked,
  };
}

/** The priors of the case; points are boxes without a size. */
export function goldenPriors(strides: readonly number[], tensors: GoldenTensors): Priors {
  const levels = strides.map((_, level) => {
    const { values, shape } = tensors.get(`priors.${level}`);
    const rows = tf.tensor2d(Float32Array.from(values), [shape[0]!, shape[1]!]);
    return shape[1] === 2 ? tf.concat([rows, rows], 1) : rows;
  });
  return {
    boxes: tf.concat(levels, 0),
    perLevel: levels.map(({ shape }) => shape[0]),
    strides: strides.map((stride) => [stride, stride]),
  };
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
      for (const [name, map] of Object.entries(head.run(branch, x, { level, from: head.depth(branch) })))
        (predictions[name] ??= []).push(map);
    }
  });
  return { taps, levels, predictions, updates: [] };
}

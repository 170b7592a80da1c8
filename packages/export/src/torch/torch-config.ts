import { type Detector, KdError } from '@kd/core';
import { RESNETS, type ResnetShape, resnetShape } from '@kd/vision';
import * as v from 'valibot';

/** Whose models a state dict is for. */
export type TorchFamily = 'torchvision' | 'mmdet';

const numbers = v.array(v.number());
const mode = v.object({ train: v.number(), test: v.number() });

/** What the networks of this project's detectors are built from, every default worked in: `Detector.config`. */
const network = {
  backbone: v.object({ definition: v.object({ name: v.string() }), options: v.optional(v.unknown()) }),
  norm: v.picklist(['frozen', 'live', 'eval', 'group']),
  frozenBnEps: v.number(),
  returnedLayers: numbers,
  fpnChannels: v.number(),
  extra: v.picklist(['p6p7_from_p5', 'p6p7_from_c5', 'p6_from_p5', 'p6_from_c5', 'maxpool', 'none']),
  strides: numbers,
} as const;
const flavour = v.picklist(['torchvision', 'mmdet']);
const anchors = v.object({ sizes: v.array(numbers), ratios: v.array(numbers) });
const tower = {
  depth: v.number(),
  channels: v.number(),
  norm: v.picklist(['none', 'group']),
  groups: v.number(),
} as const;
const post = { scoreThresh: v.number(), nmsThresh: v.number(), detectionsPerImg: v.number() } as const;
const densePost = v.object({ ...post, topkCandidates: v.number() });
const regions = {
  ...network,
  flavour,
  fpnNorm: v.boolean(),
  anchors,
  rpn: v.object({
    depth: v.number(),
    preNmsTopN: mode,
    postNmsTopN: mode,
    nmsThresh: v.number(),
    scoreThresh: v.number(),
    minSize: v.number(),
    high: v.number(),
    low: v.number(),
    batchSize: v.number(),
    positiveFraction: v.number(),
  }),
  post: v.object(post),
} as const;
const pooling = {
  outputSize: v.number(),
  samplingRatio: v.number(),
  aligned: v.boolean(),
  canonicalScale: v.number(),
  canonicalLevel: v.number(),
  batchSize: v.number(),
  positiveFraction: v.number(),
} as const;

const SCHEMAS = {
  retinanet: v.object({
    ...network,
    flavour,
    reluBeforeP7: v.boolean(),
    head: v.object(tower),
    anchors,
    matcher: v.object({ high: v.number(), low: v.number() }),
    post: densePost,
  }),
  fcos: v.object({
    ...network,
    flavour,
    reluBeforeP7: v.boolean(),
    head: v.object({
      ...tower,
      convBias: v.boolean(),
      centerness: v.picklist(['cls', 'reg']),
      normOnBbox: v.boolean(),
    }),
    sizes: numbers,
    radius: v.nullable(v.number()),
    post: densePost,
  }),
  atss: v.object({
    ...network,
    reluBeforeP7: v.boolean(),
    head: v.object(tower),
    anchorScale: v.number(),
    post: densePost,
  }),
  gfl: v.object({
    ...network,
    reluBeforeP7: v.boolean(),
    head: v.object(tower),
    anchorScale: v.number(),
    regMax: v.number(),
    post: densePost,
  }),
  'faster-rcnn': v.object({
    ...regions,
    roi: v.object({ ...pooling, high: v.number(), low: v.number(), boxWeights: numbers }),
    box: v.object({
      classAgnostic: v.boolean(),
      head: v.picklist(['two_mlp', 'conv_fc']),
      widths: v.object({ conv: numbers, fc: numbers }),
    }),
  }),
  'cascade-rcnn': v.object({
    ...regions,
    roi: v.object(pooling),
    stages: v.array(v.object({ weight: v.number(), boxWeights: numbers })),
    box: v.object({ representationSize: v.number(), classAgnostic: v.boolean() }),
  }),
} as const;

export type TorchDetector = keyof typeof SCHEMAS;
export type ConfigOf<Name extends TorchDetector> = v.InferOutput<(typeof SCHEMAS)[Name]>;
/** What all of them have. */
export type NetworkConfig = v.InferOutput<v.ObjectSchema<typeof network, undefined>>;

export const PROGRAMS: Readonly<Record<TorchFamily, string>> = { torchvision: 'torchvision', mmdet: 'mmdetection' };

/** What has no counterpart is told before anything is written. */
export function cannot(family: TorchFamily, detector: Pick<Detector, 'name'>, why: string, instead: string): KdError {
  return new KdError('USAGE', `this ${detector.name} has no counterpart in ${PROGRAMS[family]}: ${why}. ${instead}`);
}

/** @throws KdError USAGE where the detector is none of this project's */
export function configOf<Name extends TorchDetector>(
  detector: Detector,
  name: Name,
  family: TorchFamily,
): ConfigOf<Name> {
  const parsed = v.safeParse(SCHEMAS[name], detector.config);
  if (parsed.success) return parsed.output as ConfigOf<Name>;
  throw cannot(
    family,
    detector,
    `its options are not those of the ${name} here (${v.getDotPath(parsed.issues[0]) ?? 'config'})`,
    'Export it to ONNX instead.',
  );
}

/** The ResNet that a backbone is; undefined for any other. */
export function resnetOf({ backbone }: NetworkConfig): ResnetShape | undefined {
  const { name } = backbone.definition;
  if (name === 'resnet') return v.parse(resnetShape, backbone.options);
  return Object.hasOwn(RESNETS, name) ? RESNETS[name as keyof typeof RESNETS] : undefined;
}

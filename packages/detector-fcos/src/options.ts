import { KdError } from '@kd/core';
import {
  denseEntries,
  denseShape,
  type DenseShape,
  fractionNumber,
  lossWeight as weight,
  MOST,
  positiveNumber,
  shortList,
  strictOptions,
  towerEntries,
  towerNorm,
  wholeNumber,
} from '@kd/vision';
import * as v from 'valibot';

const range = v.pipe(
  v.tuple([v.number(), v.number()], 'must be [lower, upper] in pixels'),
  v.check(([lower, upper]) => lower < upper, 'must be [lower, upper] with lower < upper'),
);

export const schema = strictOptions({
  ...denseEntries,
  reluBeforeP7: v.optional(v.boolean('must be true or false'), true),
  flavour: v.optional(v.picklist(['torchvision', 'mmdet'], 'must be "torchvision" or "mmdet"'), 'torchvision'),
  head: v.optional(
    strictOptions({
      ...towerEntries,
      norm: v.optional(towerNorm, 'group'),
      convBias: v.optional(v.boolean('must be true or false')),
      centerness: v.optional(v.picklist(['cls', 'reg'], 'must be "cls" or "reg", the tower that predicts it')),
      normOnBbox: v.optional(v.boolean('must be true or false')),
    }),
    {},
  ),
  boxLoss: v.optional(v.picklist(['iou', 'giou'], 'must be "iou" or "giou"')),
  lossWeights: v.optional(strictOptions({ classification: weight(1), box: weight(1), centerness: weight(1) }), {}),
  sizes: v.optional(shortList(positiveNumber)),
  centerSampling: v.optional(
    v.union([v.literal(false), positiveNumber], 'must be the radius in sizes of the level, or false'),
  ),
  regressRanges: v.optional(shortList(range)),
  post: v.optional(
    strictOptions({
      scoreThresh: v.optional(fractionNumber),
      nmsThresh: v.optional(fractionNumber),
      detectionsPerImg: v.optional(wholeNumber(1, MOST.rows), 100),
      topkCandidates: v.optional(wholeNumber(1, MOST.rows), 1000),
    }),
    {},
  ),
});

export type FcosInput = v.InferInput<typeof schema>;
export type FcosOptions = v.InferOutput<typeof schema>;
export type Flavour = FcosOptions['flavour'];
export type Range = readonly [lower: number, upper: number];

/** The options with every default of the flavour worked in. */
export interface FcosConfig
  extends DenseShape,
    Pick<FcosOptions, 'flavour' | 'returnedLayers' | 'fpnChannels' | 'input' | 'reluBeforeP7' | 'lossWeights'> {
  readonly head: {
    readonly depth: number;
    readonly channels: number;
    readonly norm: 'none' | 'group';
    readonly groups: number;
    readonly convBias: boolean;
    readonly centerness: 'cls' | 'reg';
    /** mmdetection only: distances are ReLU, in strides, instead of exp, in pixels. */
    readonly normOnBbox: boolean;
  };
  readonly boxLoss: 'iou' | 'giou';
  /** Size of a level's points, the unit of centre sampling: the stride unless the option says otherwise. */
  readonly sizes: readonly number[];
  /** The option of that name, for the record of a run; `radius` is what it comes to. */
  readonly centerSampling: number | false;
  /** Radius in sizes, null for every point inside of a box. */
  readonly radius: number | null;
  readonly ranges: readonly Range[];
  readonly post: {
    readonly scoreThresh: number;
    readonly nmsThresh: number;
    readonly detectionsPerImg: number;
    readonly topkCandidates: number;
  };
}

const DEFAULTS = {
  torchvision: {
    convBias: true,
    centerness: 'reg',
    boxLoss: 'giou',
    centerSampling: 1.5,
    scoreThresh: 0.2,
    nmsThresh: 0.6,
  },
  mmdet: {
    convBias: false,
    centerness: 'cls',
    boxLoss: 'iou',
    centerSampling: false,
    scoreThresh: 0.05,
    nmsThresh: 0.5,
  },
} as const;

/** @throws KdError CONFIG_INVALID when an option does not fit the levels or the flavour */
export function resolveConfig(given: FcosOptions): FcosConfig {
  const { flavour, head, post } = given;
  const preset = DEFAULTS[flavour];
  const shape = denseShape(given);
  const { strides } = shape;
  if (flavour === 'torchvision') refuseMmdetOptions(given);
  const sizes = given.sizes ?? strides;
  const ranges = given.regressRanges ?? defaultRanges(sizes, flavour);
  for (const [what, list] of [
    ['sizes', sizes],
    ['regressRanges', ranges],
  ] as const) {
    if (list.length === strides.length) continue;
    throw new KdError(
      'CONFIG_INVALID',
      `fcos: ${what} has ${list.length} entries, but there are ${strides.length} levels (strides ${strides.join(', ')}); give one entry a level.`,
    );
  }
  const sampling = given.centerSampling ?? preset.centerSampling;
  return {
    ...shape,
    flavour,
    returnedLayers: given.returnedLayers,
    fpnChannels: given.fpnChannels,
    input: given.input,
    reluBeforeP7: given.reluBeforeP7,
    lossWeights: given.lossWeights,
    head: {
      depth: head.depth,
      channels: head.channels ?? given.fpnChannels,
      norm: head.norm,
      groups: head.groups,
      // A convolution without a norm behind it needs its bias.
      convBias: head.convBias ?? (preset.convBias || head.norm === 'none'),
      centerness: head.centerness ?? preset.centerness,
      normOnBbox: head.normOnBbox ?? false,
    },
    boxLoss: given.boxLoss ?? preset.boxLoss,
    sizes,
    centerSampling: sampling,
    radius: sampling === false ? null : sampling,
    ranges,
    post: {
      ...post,
      scoreThresh: post.scoreThresh ?? preset.scoreThresh,
      nmsThresh: post.nmsThresh ?? preset.nmsThresh,
    },
  };
}

function refuseMmdetOptions({ head, boxLoss }: FcosOptions): void {
  const of = (option: string, instead: string): KdError =>
    new KdError(
      'CONFIG_INVALID',
      `fcos: ${option} belongs to mmdetection's FCOS, but the flavour is "torchvision"; ${instead}, or set flavour: "mmdet".`,
    );
  if (head.normOnBbox === true)
    throw of('head.normOnBbox', 'leave it away, since torchvision always predicts distances in sizes of the level');
  if (head.centerness === 'cls')
    throw of('head.centerness "cls"', 'leave it away, since torchvision predicts centerness on the reg tower');
  if (boxLoss === 'iou') throw of('boxLoss "iou"', 'use "giou"');
}

/**
 * Four to eight sizes for each level; the first and the last are open. (torchvision's limits are exclusive,
 * mmdetection's inclusive.)
 */
export function defaultRanges(sizes: readonly number[], flavour: Flavour): Range[] {
  const [least, most] = flavour === 'mmdet' ? [-1, 1e8] : [0, Infinity];
  return sizes.map((size, i) => [i === 0 ? least : 4 * size, i === sizes.length - 1 ? most : 8 * size]);
}

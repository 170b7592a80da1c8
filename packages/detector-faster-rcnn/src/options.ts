import { KdError } from '@kd/core';
import {
  denseEntries,
  denseShape,
  type DenseShape,
  fractionNumber as fraction,
  lossWeight as weight,
  MOST,
  positiveNumber as positive,
  shortList,
  strictOptions as options,
  wholeNumber as whole,
} from '@kd/vision';
import * as v from 'valibot';

/** A number each for training and testing, or one for both. */
const perMode = v.union(
  [whole(1, MOST.rows), options({ train: whole(1, MOST.rows), test: whole(1, MOST.rows) })],
  'must be a whole number, or { train, test }',
);
const layers = v.pipe(
  v.array(whole(1, MOST.width), 'must be a list of widths, one a layer'),
  v.maxLength(MOST.layers, `must have at most ${MOST.layers} layers`),
);
const factors = 'must be four factors, of x, y, width and height';
/** Where smooth L1 turns from square to linear; 0 is L1. */
export const beta = v.pipe(v.number(), v.finite('must be finite'), v.minValue(0, 'must not be negative'));
/** Factors of the codes of a box. */
export const factorsOfBoxes = v.pipe(
  v.array(positive, factors),
  v.length(4, factors),
  v.transform((list) => list as [number, number, number, number]),
);

/** Everything but the second stage. */
export const firstStageEntries = {
  /** Presets of torchvision's two variants; without it, a network that trains from scratch. */
  version: v.optional(v.picklist([1, 2], 'must be 1 or 2')),
  /** Whose anchors, assignment, divisors, pooling, limits and defaults. */
  flavour: v.optional(v.picklist(['torchvision', 'mmdet'], 'must be "torchvision" or "mmdet"'), 'torchvision'),
  ...denseEntries,
  // Without default: the presets have one each.
  norm: v.optional(denseEntries.norm.wrapped),
  returnedLayers: v.optional(denseEntries.returnedLayers.wrapped, [1, 2, 3, 4]),
  extra: v.optional(denseEntries.extra.wrapped, 'maxpool'),
  /** A norm of the backbone's kind after each convolution of the pyramid. */
  fpnNorm: v.optional(v.boolean()),
  anchors: v.optional(
    options({
      sizes: v.optional(shortList(v.pipe(shortList(positive), v.minLength(1, 'must name at least one size')))),
      ratios: v.optional(
        v.union(
          [shortList(positive), shortList(shortList(positive))],
          'must be a list of ratios, or one list a level; at most 64',
        ),
      ),
    }),
    {},
  ),
  rpn: v.optional(
    options({
      depth: v.optional(whole(1, MOST.layers)),
      preNmsTopN: v.optional(perMode, { train: 2000, test: 1000 }),
      postNmsTopN: v.optional(perMode),
      nmsThresh: v.optional(fraction, 0.7),
      scoreThresh: v.optional(fraction, 0),
      minSize: v.optional(v.pipe(v.number(), v.minValue(0, 'must not be negative'))),
      high: v.optional(fraction, 0.7),
      low: v.optional(fraction, 0.3),
      lowQualityMin: v.optional(fraction),
      allowedBorder: v.optional(
        v.union(
          [v.literal(false), v.pipe(v.number(), v.minValue(0, 'must not be negative'))],
          'must be pixels, or false',
        ),
      ),
      beta: v.optional(beta),
      batchSize: v.optional(whole(1, MOST.rows), 256),
      positiveFraction: v.optional(fraction, 0.5),
    }),
    {},
  ),
  lossWeights: v.optional(
    options({ objectness: weight(1), rpnBox: weight(1), classification: weight(1), box: weight(1) }),
    {},
  ),
} as const;

/** How regions are pooled. */
export const poolEntries = {
  outputSize: v.optional(whole(1, MOST.list), 7),
  samplingRatio: v.optional(whole(0, MOST.list)),
  aligned: v.optional(v.boolean()),
  canonicalScale: v.optional(positive, 224),
  canonicalLevel: v.optional(v.pipe(v.number(), v.integer('must be a whole number')), 4),
} as const;

export const postEntries = {
  scoreThresh: v.optional(fraction, 0.05),
  nmsThresh: v.optional(fraction, 0.5),
  detectionsPerImg: v.optional(whole(1, MOST.rows), 100),
} as const;

export const schema = options({
  ...firstStageEntries,
  roi: v.optional(
    options({
      ...poolEntries,
      high: v.optional(fraction, 0.5),
      low: v.optional(fraction, 0.5),
      batchSize: v.optional(whole(1, MOST.rows), 512),
      positiveFraction: v.optional(fraction, 0.25),
      boxWeights: v.optional(factorsOfBoxes, [10, 10, 5, 5]),
      beta: v.optional(beta),
    }),
    {},
  ),
  box: v.optional(
    options({
      head: v.optional(v.picklist(['two_mlp', 'conv_fc'], 'must be "two_mlp" or "conv_fc"')),
      /** One box for all classes, instead of one each. */
      classAgnostic: v.optional(v.boolean('must be true or false'), false),
      representationSize: v.optional(whole(1, MOST.width)),
      convs: v.optional(whole(1, MOST.layers)),
      channels: v.optional(whole(1, MOST.width)),
      /** Widths of `conv_fc`, one a layer, instead of the three above. */
      convLayers: v.optional(layers),
      fcLayers: v.optional(v.pipe(layers, v.minLength(1, 'must have at least one layer'))),
    }),
    {},
  ),
  post: v.optional(options(postEntries), {}),
});

export type FasterRcnnInput = v.InferInput<typeof schema>;
export type FasterRcnnOptions = v.InferOutput<typeof schema>;

type WithVersion = v.InferOutput<v.ObjectSchema<typeof firstStageEntries, undefined>>;
type FirstStageOptions = Omit<WithVersion, 'version'> & { readonly version?: WithVersion['version'] };

/** A number each for training and testing. */
export interface PerMode {
  readonly train: number;
  readonly test: number;
}

/** Backbone, pyramid and RPN with every preset and default worked in. */
export interface FirstStageConfig
  extends DenseShape,
    Pick<FirstStageOptions, 'flavour' | 'returnedLayers' | 'fpnChannels' | 'input' | 'lossWeights'> {
  readonly fpnNorm: boolean;
  readonly anchors: { readonly sizes: readonly (readonly number[])[]; readonly ratios: readonly (readonly number[])[] };
  readonly rpn: Omit<
    FirstStageOptions['rpn'],
    'depth' | 'preNmsTopN' | 'postNmsTopN' | 'minSize' | 'lowQualityMin' | 'allowedBorder' | 'beta'
  > & {
    readonly depth: number;
    readonly preNmsTopN: PerMode;
    readonly postNmsTopN: PerMode;
    readonly minSize: number;
    /** mmdetection only: the IoU that the best anchor of a box needs to be positive below `high`. */
    readonly lowQualityMin?: number | undefined;
    /** mmdetection only: pixels by which an anchor that trains may leave the image; false for any number. */
    readonly allowedBorder: number | false;
    /** Where the loss of boxes turns from square to linear; 0 is L1. */
    readonly beta: number;
  };
}

/** How regions are pooled, with every default worked in. */
export interface Pooling {
  readonly samplingRatio: number;
  readonly aligned: boolean;
}

export interface FasterRcnnConfig extends FirstStageConfig, Pick<FasterRcnnOptions, 'post'> {
  readonly roi: Omit<FasterRcnnOptions['roi'], keyof Pooling | 'beta'> & Pooling & { readonly beta: number };
  readonly box: {
    readonly classAgnostic: boolean;
    readonly head: 'two_mlp' | 'conv_fc';
    /** Widths of the convolutions, and of the linear layers behind them: what the options below, or lists, come to. */
    readonly widths: { readonly conv: readonly number[]; readonly fc: readonly number[] };
    /** The options that were read, for the record of a run; beside lists they would be refused. */
    readonly representationSize?: number;
    readonly convs?: number;
    readonly channels?: number;
  };
}

const PRESETS = {
  scratch: { norm: 'group', fpnNorm: false, depth: 1, head: 'two_mlp' },
  1: { norm: 'frozen', fpnNorm: false, depth: 1, head: 'two_mlp' },
  2: { norm: 'live', fpnNorm: true, depth: 2, head: 'conv_fc' },
} as const;

/** Where a flavour's smooth L1 turns from square to linear, and its other defaults. */
export const DEFAULTS = {
  torchvision: {
    beta: 1 / 9,
    minSize: 1e-3,
    postNmsTopN: { train: 2000, test: 1000 },
    pooling: { samplingRatio: 2, aligned: false },
  },
  mmdet: { beta: 0, minSize: 0, postNmsTopN: 1000, pooling: { samplingRatio: 0, aligned: true } },
} as const;

/** @throws KdError CONFIG_INVALID when anchors and levels, or the limits of the RPN, do not fit each other */
export function resolveConfig(given: FasterRcnnOptions): FasterRcnnConfig {
  const { roi, box, post } = given;
  if (roi.low > roi.high)
    throw new KdError(
      'CONFIG_INVALID',
      `faster-rcnn: roi.low is ${roi.low}, above roi.high, ${roi.high}; below \`low\` a proposal is background, from \`high\` on it is an object.`,
    );
  return {
    ...firstStage(given, 'faster-rcnn'),
    roi: { ...roi, ...poolingOf(roi, DEFAULTS[given.flavour].pooling), beta: roi.beta ?? DEFAULTS[given.flavour].beta },
    post,
    box: boxHeadOf(box, PRESETS[given.version ?? 'scratch'].head, given.fpnChannels),
  };
}

export const poolingOf = (
  given: Partial<{ [Key in keyof Pooling]: Pooling[Key] | undefined }>,
  byDefault: Pooling,
): Pooling => ({
  samplingRatio: given.samplingRatio ?? byDefault.samplingRatio,
  aligned: given.aligned ?? byDefault.aligned,
});

/** The widths of a box head, which come one by one or as a number of equal ones. */
function boxHeadOf(
  box: FasterRcnnOptions['box'],
  preset: 'two_mlp' | 'conv_fc',
  fpnChannels: number,
): FasterRcnnConfig['box'] {
  const { head = preset, classAgnostic, representationSize = 1024, convs = 4, channels = fpnChannels } = box;
  const given = (names: readonly (keyof typeof box)[]): string[] =>
    names.filter((name) => box[name] !== undefined).map((name) => `box.${name}`);
  const unread =
    head === 'two_mlp'
      ? given(['convs', 'channels', 'convLayers', 'fcLayers'])
      : [
          ...(box.convLayers ? given(['convs', 'channels']) : []),
          ...(box.fcLayers ? given(['representationSize']) : []),
        ];
  if (unread.length > 0)
    throw new KdError(
      'CONFIG_INVALID',
      head === 'two_mlp'
        ? `faster-rcnn: ${unread.join(' and ')} would not be read: the box head is two_mlp, whose width is box.representationSize. Set box.head: 'conv_fc' for a head with convolutions.`
        : `faster-rcnn: ${unread.join(' and ')} would not be read beside the widths in ${given(['convLayers', 'fcLayers']).join(' and ')}; give one or the other.`,
    );
  if (head === 'two_mlp')
    return {
      head,
      classAgnostic,
      representationSize,
      widths: { conv: [], fc: [representationSize, representationSize] },
    };
  return {
    head,
    classAgnostic,
    ...(box.convLayers === undefined && { convs, channels }),
    ...(box.fcLayers === undefined && { representationSize }),
    widths: {
      conv: box.convLayers ?? Array.from({ length: convs }, () => channels),
      fc: box.fcLayers ?? [representationSize],
    },
  };
}

export function firstStage(given: FirstStageOptions, name: string): FirstStageConfig {
  const { version = 'scratch', flavour, rpn } = given;
  refuseOtherFlavour(given, name);
  const defaults = DEFAULTS[flavour];
  const preset = PRESETS[version];
  const shape = denseShape({ ...given, norm: given.norm ?? preset.norm });
  if (rpn.low > rpn.high)
    throw new KdError(
      'CONFIG_INVALID',
      `${name}: rpn.low is ${rpn.low}, above rpn.high, ${rpn.high}; below \`low\` an anchor is background, from \`high\` on it is an object.`,
    );
  return {
    ...shape,
    flavour,
    lossWeights: given.lossWeights,
    returnedLayers: given.returnedLayers,
    fpnChannels: given.fpnChannels,
    input: given.input,
    fpnNorm: given.fpnNorm ?? preset.fpnNorm,
    anchors: anchorsOf(given.anchors, shape.strides, name),
    rpn: {
      ...rpn,
      depth: rpn.depth ?? preset.depth,
      preNmsTopN: modes(rpn.preNmsTopN),
      postNmsTopN: modes(rpn.postNmsTopN ?? defaults.postNmsTopN),
      minSize: rpn.minSize ?? defaults.minSize,
      ...(flavour === 'mmdet' && { lowQualityMin: rpn.lowQualityMin ?? 0.3 }),
      allowedBorder: rpn.allowedBorder ?? false,
      beta: rpn.beta ?? defaults.beta,
    },
  };
}

function refuseOtherFlavour({ version, flavour, rpn }: FirstStageOptions, name: string): void {
  if (flavour === 'mmdet' && version !== undefined)
    throw new KdError(
      'CONFIG_INVALID',
      `${name}: version ${version} is one of torchvision's, but the flavour is "mmdet"; leave \`version\` out.`,
    );
  const theirs = (['lowQualityMin', 'allowedBorder'] as const).filter((key) => (rpn[key] ?? false) !== false);
  if (flavour === 'torchvision' && theirs.length > 0)
    throw new KdError(
      'CONFIG_INVALID',
      `${name}: ${theirs.map((key) => `rpn.${key}`).join(' and ')} would not be read: the flavour is "torchvision". Set flavour: 'mmdet', or leave it out.`,
    );
}

const modes = (of: number | PerMode): PerMode => (typeof of === 'number' ? { train: of, test: of } : of);

function anchorsOf(
  { sizes, ratios = [0.5, 1, 2] }: FirstStageOptions['anchors'],
  strides: readonly number[],
  name: string,
): FirstStageConfig['anchors'] {
  const perLevel = sizes ?? strides.map((stride) => [8 * stride]);
  const ratioLists = Array.isArray(ratios[0]) ? (ratios as number[][]) : strides.map(() => ratios as number[]);
  for (const [what, list] of [
    ['sizes', perLevel],
    ['ratios', ratioLists],
  ] as const) {
    if (list.length === strides.length) continue;
    throw new KdError(
      'CONFIG_INVALID',
      `${name}: anchors.${what} has ${list.length} entries, but there are ${strides.length} levels (strides ${strides.join(', ')}); give one entry a level.`,
    );
  }
  const places = perLevel.map((list, i) => list.length * ratioLists[i]!.length);
  if (new Set(places).size > 1) {
    throw new KdError(
      'CONFIG_INVALID',
      `${name}: one head serves all levels, so each needs the same number of anchors a place, but the levels have ${places.join(', ')}.`,
    );
  }
  return { sizes: perLevel, ratios: ratioLists };
}

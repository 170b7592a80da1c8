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
  towerEntries,
  towerNorm,
  wholeNumber as whole,
} from '@kd/vision';
import * as v from 'valibot';

export const schema = options({
  /** Presets of torchvision's two variants; without it, a network that trains from scratch. */
  version: v.optional(v.picklist([1, 2], 'must be 1 or 2')),
  /** Whose anchors, assignment, normaliser, limits of the decoder and defaults. */
  flavour: v.optional(v.picklist(['torchvision', 'mmdet'], 'must be "torchvision" or "mmdet"'), 'torchvision'),
  ...denseEntries,
  // Without default: the presets have one each.
  norm: v.optional(denseEntries.norm.wrapped),
  extra: v.optional(denseEntries.extra.wrapped),
  reluBeforeP7: v.optional(v.boolean('must be true or false')),
  head: v.optional(
    options({
      ...towerEntries,
      norm: v.optional(towerNorm),
    }),
    {},
  ),
  boxLoss: v.optional(v.picklist(['l1', 'smooth_l1', 'giou'], 'must be "l1", "smooth_l1" or "giou"')),
  /** Where `smooth_l1` turns from square to linear. */
  beta: v.optional(positive),
  lossWeights: v.optional(options({ classification: weight(1), box: weight(1) }), {}),
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
  matcher: v.optional(
    options({
      high: v.optional(fraction, 0.5),
      low: v.optional(fraction, 0.4),
      lowQuality: v.optional(v.boolean(), true),
      lowQualityMin: v.optional(fraction),
    }),
    {},
  ),
  post: v.optional(
    options({
      scoreThresh: v.optional(fraction, 0.05),
      nmsThresh: v.optional(fraction, 0.5),
      detectionsPerImg: v.optional(whole(1, MOST.rows)),
      topkCandidates: v.optional(whole(1, MOST.rows), 1000),
    }),
    {},
  ),
});

export type RetinaNetInput = v.InferInput<typeof schema>;
export type RetinaNetOptions = v.InferOutput<typeof schema>;

/** The options with every preset and default worked in. */
export interface RetinaNetConfig
  extends DenseShape,
    Pick<RetinaNetOptions, 'flavour' | 'returnedLayers' | 'fpnChannels' | 'matcher' | 'input' | 'lossWeights'> {
  /** Whether P7 reads relu(P6). */
  readonly reluBeforeP7: boolean;
  readonly head: {
    readonly depth: number;
    readonly channels: number;
    readonly norm: 'none' | 'group';
    readonly groups: number;
  };
  readonly boxLoss: 'l1' | 'smooth_l1' | 'giou';
  /** Of `smooth_l1`. */
  readonly beta?: number;
  readonly anchors: { readonly sizes: readonly (readonly number[])[]; readonly ratios: readonly (readonly number[])[] };
  readonly post: RetinaNetOptions['post'] & { readonly detectionsPerImg: number };
}

const PRESETS = {
  torchvision: { norm: 'group', extra: 'p6p7_from_p5', headNorm: 'none', boxLoss: 'l1' },
  mmdet: { norm: 'group', extra: 'p6p7_from_c5', headNorm: 'none', boxLoss: 'l1' },
  1: { norm: 'frozen', extra: 'p6p7_from_p5', headNorm: 'none', boxLoss: 'l1' },
  2: { norm: 'live', extra: 'p6p7_from_c5', headNorm: 'group', boxLoss: 'giou' },
} as const;

/** @throws KdError CONFIG_INVALID when anchors and levels, or version and flavour, do not fit each other */
export function resolveConfig({ version, ...given }: RetinaNetOptions): RetinaNetConfig {
  const { flavour } = given;
  if (version !== undefined && flavour === 'mmdet') {
    throw new KdError(
      'CONFIG_INVALID',
      `retinanet: version ${version} is one of torchvision's, but the flavour is "mmdet"; leave \`version\` out and name norm, extra, head.norm and boxLoss where you want others than the flavour's.`,
    );
  }
  const preset = PRESETS[version ?? flavour];
  const boxLoss = given.boxLoss ?? preset.boxLoss;
  refuseUnread(given, boxLoss);
  const shape = denseShape({ ...given, norm: given.norm ?? preset.norm, extra: given.extra ?? preset.extra });
  return {
    ...given,
    ...shape,
    reluBeforeP7: given.reluBeforeP7 ?? flavour === 'torchvision',
    head: {
      depth: given.head.depth,
      channels: given.head.channels ?? given.fpnChannels,
      norm: given.head.norm ?? preset.headNorm,
      groups: given.head.groups,
    },
    boxLoss,
    ...(boxLoss === 'smooth_l1' && { beta: given.beta ?? 1 }),
    anchors: anchorsOf(given.anchors, shape.strides, flavour),
    post: { ...given.post, detectionsPerImg: given.post.detectionsPerImg ?? (flavour === 'mmdet' ? 100 : 300) },
  };
}

function refuseUnread({ flavour, beta, matcher }: RetinaNetOptions, boxLoss: RetinaNetConfig['boxLoss']): void {
  if (beta !== undefined && boxLoss !== 'smooth_l1')
    throw new KdError(
      'CONFIG_INVALID',
      `retinanet: beta would not be read: the box loss is ${boxLoss}. Set boxLoss: 'smooth_l1', or leave \`beta\` out.`,
    );
  if (matcher.lowQualityMin !== undefined && flavour !== 'mmdet')
    throw new KdError(
      'CONFIG_INVALID',
      "retinanet: matcher.lowQualityMin is one of mmdetection's; torchvision keeps the best anchors of every box. Set flavour: 'mmdet', or leave it out.",
    );
}

/** Four strides times 1, 2^(1/3) and 2^(2/3); torchvision cuts them to whole pixels. */
const defaultSizes = (stride: number, flavour: RetinaNetOptions['flavour']): number[] =>
  [0, 1, 2].map((k) => 4 * stride * 2 ** (k / 3)).map((size) => (flavour === 'torchvision' ? Math.trunc(size) : size));

function anchorsOf(
  { sizes, ratios = [0.5, 1, 2] }: RetinaNetOptions['anchors'],
  strides: readonly number[],
  flavour: RetinaNetOptions['flavour'],
): RetinaNetConfig['anchors'] {
  const perLevel = sizes ?? strides.map((stride) => defaultSizes(stride, flavour));
  const ratioLists = Array.isArray(ratios[0]) ? (ratios as number[][]) : strides.map(() => ratios as number[]);
  for (const [what, list] of [
    ['sizes', perLevel],
    ['ratios', ratioLists],
  ] as const) {
    if (list.length === strides.length) continue;
    throw new KdError(
      'CONFIG_INVALID',
      `retinanet: anchors.${what} has ${list.length} entries, but there are ${strides.length} levels (strides ${strides.join(', ')}); give one entry a level.`,
    );
  }
  const places = perLevel.map((list, i) => list.length * ratioLists[i]!.length);
  if (new Set(places).size > 1) {
    throw new KdError(
      'CONFIG_INVALID',
      `retinanet: one head serves all levels, so each needs the same number of anchors a place, but the levels have ${places.join(', ')}.`,
    );
  }
  return { sizes: perLevel, ratios: ratioLists };
}

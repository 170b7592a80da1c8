import { KdError, suggestion } from '@kd/core';
import type { ExtraLevels, NormKind, ResnetShape } from '@kd/vision';
import { RESNETS } from '@kd/vision';
import * as v from 'valibot';

/** A strict object that names the unknown option and what there is instead. */
function options<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, (issue) => {
    if (issue.expected !== 'never') return `must be an object of options, not ${issue.received}`;
    const unknown = issue.received.replaceAll('"', '');
    const known = Object.keys(entries);
    return `there is no option "${unknown}"; ${[suggestion(unknown, known), `there are ${known.join(', ')}`].filter(Boolean).join(' ')}`;
  });
}

const whole = (least: number) => v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(least, `must be at least ${least}`));
const positive = v.pipe(v.number(), v.gtValue(0, 'must be greater than 0'));
const fraction = v.pipe(v.number(), v.minValue(0, 'must be between 0 and 1'), v.maxValue(1, 'must be between 0 and 1'));
const triple = v.tuple([v.number(), v.number(), v.number()], 'must be three numbers, for red, green and blue');
const names = Object.keys(RESNETS) as (keyof typeof RESNETS)[];

export const schema = options({
  /** Presets of torchvision's two variants; without it, a network that trains from scratch. */
  version: v.optional(v.picklist([1, 2], 'must be 1 or 2')),
  /** Whose anchors, assignment, normaliser, limits of the decoder and defaults. */
  flavour: v.optional(v.picklist(['torchvision', 'mmdet'], 'must be "torchvision" or "mmdet"'), 'torchvision'),
  backbone: v.optional(
    v.union(
      [
        v.picklist(names),
        options({
          block: v.picklist(['basic', 'bottleneck']),
          layers: v.pipe(v.array(whole(1)), v.length(4)),
          width: whole(1),
        }),
      ],
      `must be one of ${names.join(', ')}, or { block: "basic" | "bottleneck", layers: [four numbers of blocks], width: channels of the stem }`,
    ),
    'resnet50',
  ),
  norm: v.optional(v.picklist(['frozen', 'live', 'eval', 'group'], 'must be "frozen", "live", "eval" or "group"')),
  frozenBnEps: v.optional(v.pipe(v.number(), v.minValue(0, 'must not be negative')), 1e-5),
  trainableLayers: v.optional(v.pipe(whole(0), v.maxValue(5, 'must be at most 5'))),
  returnedLayers: v.optional(
    v.pipe(
      v.array(v.pipe(whole(1), v.maxValue(4, 'must be at most 4'))),
      v.minLength(1, 'must name at least one stage of the backbone'),
      v.check((list) => list.every((k, i) => i === 0 || k === list[i - 1]! + 1), 'must be consecutive stages in ascending order, e.g. [2, 3, 4]'),
    ),
    [2, 3, 4],
  ),
  fpnChannels: v.optional(whole(1), 256),
  extra: v.optional(v.picklist(['p6p7_from_p5', 'p6p7_from_c5', 'maxpool', 'none'], 'must be "p6p7_from_p5", "p6p7_from_c5", "maxpool" or "none"')),
  head: v.optional(
    options({
      depth: v.optional(whole(0), 4),
      channels: v.optional(whole(1)),
      norm: v.optional(v.picklist(['none', 'group'], 'must be "none" or "group"')),
      groups: v.optional(whole(1), 32),
    }),
    {},
  ),
  boxLoss: v.optional(v.picklist(['l1', 'smooth_l1', 'giou'], 'must be "l1", "smooth_l1" or "giou"')),
  anchors: v.optional(
    options({
      sizes: v.optional(v.array(v.pipe(v.array(positive), v.minLength(1, 'must name at least one size')))),
      ratios: v.optional(v.union([v.array(positive), v.array(v.array(positive))], 'must be a list of ratios, or one list a level')),
    }),
    {},
  ),
  matcher: v.optional(options({ high: v.optional(fraction, 0.5), low: v.optional(fraction, 0.4), lowQuality: v.optional(v.boolean(), true) }), {}),
  post: v.optional(
    options({
      scoreThresh: v.optional(fraction, 0.05),
      nmsThresh: v.optional(fraction, 0.5),
      detectionsPerImg: v.optional(whole(1)),
      topkCandidates: v.optional(whole(1), 1000),
    }),
    {},
  ),
  input: v.optional(
    options({
      minSize: v.optional(v.union([whole(1), v.pipe(v.array(whole(1)), v.minLength(1, 'must name at least one size'))], 'must be a size in pixels, or a list of sizes'), 800),
      maxSize: v.optional(whole(1), 1333),
      fixedSize: v.optional(v.nullable(v.tuple([whole(1), whole(1)], 'must be [height, width]')), null),
      mean: v.optional(triple, [0.485, 0.456, 0.406]),
      std: v.optional(triple, [0.229, 0.224, 0.225]),
      sizeDivisible: v.optional(whole(1), 32),
    }),
    {},
  ),
});

export type RetinaNetInput = v.InferInput<typeof schema>;
export type RetinaNetOptions = v.InferOutput<typeof schema>;

/** The options with every preset and default worked in. */
export interface RetinaNetConfig extends Omit<RetinaNetOptions, 'version' | 'backbone' | 'norm' | 'trainableLayers' | 'extra' | 'head' | 'boxLoss' | 'anchors' | 'post'> {
  readonly backbone: ResnetShape;
  readonly norm: NormKind;
  readonly trainableLayers: number;
  readonly extra: ExtraLevels;
  /** Whether P7 reads relu(P6). */
  readonly reluBeforeP7: boolean;
  readonly head: { readonly depth: number; readonly channels: number; readonly norm: 'none' | 'group'; readonly groups: number };
  readonly boxLoss: 'l1' | 'smooth_l1' | 'giou';
  /** Stride of each level as the network is built: 8, 16, … */
  readonly strides: readonly number[];
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
    throw new KdError('CONFIG_INVALID', `retinanet: version ${version} is one of torchvision's, but the flavour is "mmdet"; leave \`version\` out and name norm, extra, head.norm and boxLoss where you want others than the flavour's.`);
  }
  const preset = PRESETS[version ?? flavour];
  const norm = given.norm ?? preset.norm;
  const extra = given.extra ?? preset.extra;
  const strides = given.returnedLayers.map((k) => 2 ** (k + 1));
  const more = { p6p7_from_p5: 2, p6p7_from_c5: 2, maxpool: 1, none: 0 }[extra];
  for (let i = 0; i < more; i++) strides.push(strides.at(-1)! * 2);
  return {
    ...given,
    backbone: typeof given.backbone === 'string' ? RESNETS[given.backbone] : given.backbone,
    norm,
    trainableLayers: given.trainableLayers ?? (norm === 'group' ? 5 : 3),
    extra,
    reluBeforeP7: flavour === 'torchvision',
    head: { depth: given.head.depth, channels: given.head.channels ?? given.fpnChannels, norm: given.head.norm ?? preset.headNorm, groups: given.head.groups },
    boxLoss: given.boxLoss ?? preset.boxLoss,
    strides,
    anchors: anchorsOf(given.anchors, strides, flavour),
    post: { ...given.post, detectionsPerImg: given.post.detectionsPerImg ?? (flavour === 'mmdet' ? 100 : 300) },
  };
}

/** Four strides times 1, 2^(1/3) and 2^(2/3); torchvision cuts them to whole pixels. */
const defaultSizes = (stride: number, flavour: RetinaNetOptions['flavour']): number[] =>
  [0, 1, 2].map((k) => 4 * stride * 2 ** (k / 3)).map((size) => (flavour === 'torchvision' ? Math.trunc(size) : size));

function anchorsOf({ sizes, ratios = [0.5, 1, 2] }: RetinaNetOptions['anchors'], strides: readonly number[], flavour: RetinaNetOptions['flavour']): RetinaNetConfig['anchors'] {
  const perLevel = sizes ?? strides.map((stride) => defaultSizes(stride, flavour));
  const ratioLists = Array.isArray(ratios[0]) ? (ratios as number[][]) : strides.map(() => ratios as number[]);
  for (const [what, list] of [['sizes', perLevel], ['ratios', ratioLists]] as const) {
    if (list.length === strides.length) continue;
    throw new KdError('CONFIG_INVALID', `retinanet: anchors.${what} has ${list.length} entries, but there are ${strides.length} levels (strides ${strides.join(', ')}); give one entry a level.`);
  }
  const places = perLevel.map((list, i) => list.length * ratioLists[i]!.length);
  if (new Set(places).size > 1) {
    throw new KdError('CONFIG_INVALID', `retinanet: one head serves all levels, so each needs the same number of anchors a place, but the levels have ${places.join(', ')}.`);
  }
  return { sizes: perLevel, ratios: ratioLists };
}

import { suggestion } from '@kd/core';
import * as v from 'valibot';
import type { ExtraLevels } from './fpn.js';
import type { NormKind } from './layers/index.js';
import { RESNETS, type ResnetShape } from './resnet.js';

/** A strict object that names the unknown option and what there is instead. */
export function strictOptions<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, (issue) => {
    if (issue.expected !== 'never') return `must be an object of options, not ${issue.received}`;
    const unknown = issue.received.replaceAll('"', '');
    const known = Object.keys(entries);
    return `there is no option "${unknown}"; ${[suggestion(unknown, known), `there are ${known.join(', ')}`].filter(Boolean).join(' ')}`;
  });
}

/** Upper bounds of numbers in options: each some ten times what published models have. */
export const MOST = {
  /** Layers or blocks in a row. */
  layers: 256,
  /** Channels of a convolution, width of a linear layer. */
  width: 16_384,
  /** Pixels of a side. */
  side: 32_768,
  /** Sizes, ratios or stages in a list. */
  list: 64,
  /** Rows that are kept, an image: candidates, proposals, detections, samples. */
  rows: 100_000,
} as const;

/** @param most beyond it nobody means it: a network of that size would only run out of memory, without a word why */
export const wholeNumber = (least: number, most: number = MOST.rows) =>
  v.pipe(
    v.number(),
    v.integer('must be a whole number'),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
  );
export const positiveNumber = v.pipe(v.number(), v.finite('must be finite'), v.gtValue(0, 'must be greater than 0'));

export const shortList = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(v.array(item), v.maxLength(MOST.list, `must have at most ${MOST.list} entries`));
export const fractionNumber = v.pipe(
  v.number(),
  v.minValue(0, 'must be between 0 and 1'),
  v.maxValue(1, 'must be between 0 and 1'),
);

/** The factor of a term of a detector's loss. */
export const lossWeight = (byDefault: number) =>
  v.optional(v.pipe(v.number(), v.minValue(0, 'must not be negative')), byDefault);

const triple = v.tuple([v.number(), v.number(), v.number()], 'must be three numbers, one a channel');
const names = Object.keys(RESNETS) as (keyof typeof RESNETS)[];

/**
 * Options of backbone, neck and input, for the schema of a one-stage detector: `strictOptions({ ...denseEntries, … })`.
 */
export const denseEntries = {
  backbone: v.optional(
    v.union(
      [
        v.picklist(names),
        strictOptions({
          block: v.picklist(['basic', 'bottleneck']),
          layers: v.pipe(v.array(wholeNumber(1, MOST.layers)), v.length(4)),
          width: wholeNumber(1, MOST.width),
          style: v.optional(v.picklist(['pytorch', 'caffe'], 'must be "pytorch" or "caffe"')),
          groups: v.optional(wholeNumber(1, MOST.width)),
          widthPerGroup: v.optional(wholeNumber(1, MOST.width)),
        }),
      ],
      `must be one of ${names.join(', ')}, or { block: "basic" | "bottleneck", layers: [four numbers of blocks], width: channels of the stem, groups and widthPerGroup of a ResNeXt, style: "pytorch" | "caffe" }`,
    ),
    'resnet50',
  ),
  norm: v.optional(
    v.picklist(['frozen', 'live', 'eval', 'group'], 'must be "frozen", "live", "eval" or "group"'),
    'group',
  ),
  frozenBnEps: v.optional(v.pipe(v.number(), v.minValue(0, 'must not be negative')), 1e-5),
  trainableLayers: v.optional(wholeNumber(0, 5)),
  returnedLayers: v.optional(
    v.pipe(
      v.array(wholeNumber(1, 4)),
      v.minLength(1, 'must name at least one stage of the backbone'),
      v.check(
        (list) => list.every((k, i) => i === 0 || k === list[i - 1]! + 1),
        'must be consecutive stages in ascending order, e.g. [2, 3, 4]',
      ),
    ),
    [2, 3, 4],
  ),
  fpnChannels: v.optional(wholeNumber(1, MOST.width), 256),
  extra: v.optional(
    v.picklist(
      ['p6p7_from_p5', 'p6p7_from_c5', 'maxpool', 'none'],
      'must be "p6p7_from_p5", "p6p7_from_c5", "maxpool" or "none"',
    ),
    'p6p7_from_p5',
  ),
  input: v.optional(
    strictOptions({
      minSize: v.optional(
        v.union(
          [
            wholeNumber(1, MOST.side),
            v.pipe(shortList(wholeNumber(1, MOST.side)), v.minLength(1, 'must name at least one size')),
          ],
          'must be a size in pixels, or a list of sizes',
        ),
        800,
      ),
      maxSize: v.optional(wholeNumber(1, MOST.side), 1333),
      fixedSize: v.optional(
        v.nullable(v.tuple([wholeNumber(1, MOST.side), wholeNumber(1, MOST.side)], 'must be [height, width]')),
        null,
      ),
      mean: v.optional(triple, [0.485, 0.456, 0.406]),
      std: v.optional(triple, [0.229, 0.224, 0.225]),
      range: v.optional(v.picklist([1, 255], 'must be 1 or 255, what a full pixel counts in mean and std'), 1),
      channels: v.optional(v.picklist(['rgb', 'bgr'], 'must be "rgb" or "bgr"'), 'rgb'),
      resize: v.optional(v.picklist(['torchvision', 'mmdet'], 'must be "torchvision" or "mmdet"'), 'torchvision'),
      sizeDivisible: v.optional(wholeNumber(1, MOST.side), 32),
    }),
    {},
  ),
} as const;

/**
 * Options of the towers of a dense head; their norm, `towerNorm`, has another default from one detector to the next.
 */
export const towerEntries = {
  depth: v.optional(wholeNumber(0, MOST.layers), 4),
  channels: v.optional(wholeNumber(1, MOST.width)),
  groups: v.optional(wholeNumber(1, MOST.width), 32),
} as const;
export const towerNorm = v.picklist(['none', 'group'], 'must be "none" or "group"');

/** What {@link denseEntries} say of the network, with everything that follows from them. */
export interface DenseShape {
  readonly backbone: ResnetShape;
  readonly norm: NormKind;
  readonly trainableLayers: number;
  readonly extra: ExtraLevels;
  /** Stride of each level as the network is built, finest first: 8, 16, … */
  readonly strides: readonly number[];
}

/** A backbone without batch norm is one that starts from nothing: all of it trains unless told otherwise. */
export function denseShape(given: {
  readonly backbone: keyof typeof RESNETS | ResnetShape;
  readonly norm: NormKind;
  readonly trainableLayers?: number | undefined;
  readonly returnedLayers: readonly number[];
  readonly extra: ExtraLevels;
}): DenseShape {
  const strides = given.returnedLayers.map((k) => 2 ** (k + 1));
  const more = { p6p7_from_p5: 2, p6p7_from_c5: 2, maxpool: 1, none: 0 }[given.extra];
  for (let i = 0; i < more; i++) strides.push(strides.at(-1)! * 2);
  return {
    backbone: typeof given.backbone === 'string' ? RESNETS[given.backbone] : given.backbone,
    norm: given.norm,
    trainableLayers: given.trainableLayers ?? (given.norm === 'group' ? 5 : 3),
    extra: given.extra,
    strides,
  };
}

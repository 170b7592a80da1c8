import { type BackboneDefinition, KdError, type Use } from '@kd/core';
import * as v from 'valibot';
import { backboneEntry, type BackboneEntry, backboneOf } from './backbone-entry.js';
import type { ExtraLevels } from './fpn.js';
import type { NormKind } from './layers/index.js';
import { IMAGENET } from './stored-settings.js';
import { MOST, shortList, strictOptions, wholeNumber } from './strict-options.js';

/** The factor of a term of a detector's loss. */
export const lossWeight = (byDefault: number) =>
  v.optional(v.pipe(v.number(), v.minValue(0, 'must not be negative')), byDefault);

const triple = v.tuple([v.number(), v.number(), v.number()], 'must be three numbers, one a channel');
/**
 * Options of backbone, neck and input, for the schema of a one-stage detector: `strictOptions({ ...denseEntries, … })`.
 */
export const denseEntries = {
  backbone: v.optional(backboneEntry, 'resnet50'),
  norm: v.optional(
    v.picklist(['frozen', 'live', 'eval', 'group'], 'must be "frozen", "live", "eval" or "group"'),
    'group',
  ),
  /** The default is the backbone's own. */
  frozenBnEps: v.optional(v.pipe(v.number(), v.minValue(0, 'must not be negative'))),
  /** How many parts of the backbone train, the last one first; the backbone says how many there are. */
  trainableLayers: v.optional(wholeNumber(0, MOST.list)),
  /** Stages of the backbone that the pyramid reads: k is the one of stride 2^(k + 1). */
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
      ['p6p7_from_p5', 'p6p7_from_c5', 'p6_from_p5', 'p6_from_c5', 'maxpool', 'none'],
      'must be "p6p7_from_p5", "p6p7_from_c5", "p6_from_p5", "p6_from_c5", "maxpool" or "none"',
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
      mean: v.optional(triple, [...IMAGENET.mean]),
      std: v.optional(triple, [...IMAGENET.std]),
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
  readonly backbone: Use<BackboneDefinition>;
  readonly norm: NormKind;
  readonly frozenBnEps: number;
  readonly trainableLayers: number;
  readonly extra: ExtraLevels;
  /** Stride of each level as the network is built, finest first: 8, 16, … */
  readonly strides: readonly number[];
}

/**
 * A backbone without batch norm is one that starts from nothing: all of it trains unless told otherwise.
 * @throws KdError CONFIG_INVALID when the backbone has fewer parts than are to train
 */
export function denseShape(given: {
  readonly backbone: BackboneEntry;
  readonly norm: NormKind;
  readonly frozenBnEps?: number | undefined;
  readonly trainableLayers?: number | undefined;
  readonly returnedLayers: readonly number[];
  readonly extra: ExtraLevels;
}): DenseShape {
  const strides = given.returnedLayers.map((k) => 2 ** (k + 1));
  const more = { p6p7_from_p5: 2, p6p7_from_c5: 2, p6_from_p5: 1, p6_from_c5: 1, maxpool: 1, none: 0 }[given.extra];
  for (let i = 0; i < more; i++) strides.push(strides.at(-1)! * 2);
  const backbone = backboneOf(given.backbone);
  const { name, trainableLayers: parts, norm } = backbone.definition;
  if (given.trainableLayers !== undefined && given.trainableLayers > parts)
    throw new KdError(
      'CONFIG_INVALID',
      `trainableLayers is ${given.trainableLayers}, but the backbone ${name} has ${parts} parts that can train; give 0 to ${parts}.`,
    );
  return {
    backbone,
    norm: given.norm,
    frozenBnEps: given.frozenBnEps ?? norm?.epsilon ?? 1e-5,
    trainableLayers: given.trainableLayers ?? (given.norm === 'group' ? parts : Math.min(3, parts)),
    extra: given.extra,
    strides,
  };
}

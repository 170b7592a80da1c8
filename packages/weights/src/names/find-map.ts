import { KdError, suggestion } from '@kd/core';
import { efficientnetLite } from './efficientnet.js';
import { mmdetBackbone, mmdetMaps } from './mmdet.js';
import type { NameMap } from './name-map.js';
import { torchvisionBackbone, torchvisionMaps } from './torchvision.js';
import { current, foundBy, hasSigns, type LeftOut, toOurNames, toTheirNames } from './translate.js';

/** Every map, those of whole models first. */
export const NAME_MAPS: readonly NameMap[] = [
  ...torchvisionMaps,
  ...mmdetMaps,
  efficientnetLite,
  torchvisionBackbone,
  mmdetBackbone,
];
const GENERAL: ReadonlySet<NameMap> = new Set([torchvisionBackbone, mmdetBackbone]);

/** Models whose names people come with and for which there is no map. */
const OTHERS: readonly (readonly [sign: string, what: string])[] = [
  ['backbone.bottom_up.{rest}', "detectron2's detectors"],
  ['model.{i}.conv', "YOLO's (Ultralytics)"],
  ['class_labels_classifier', "DETR's"],
  ['class_embed', "DETR's"],
  ['stem.conv', "timm's pre-activation ResNets (resnetv2) or RegNets"],
  ['conv_stem', "timm's MobileNets and EfficientNets"],
  ['patch_embed.proj', 'a vision transformer'],
  ['patch_embed.projection', 'a vision transformer'],
];

/** Which map the names of a file are of, and why. */
export interface FoundMap {
  /** Null where none fits. */
  readonly map: NameMap | null;
  /** One sentence: the name that told, or what there is instead. */
  readonly why: string;
  /** Other maps that would fit as well: then none is chosen. */
  readonly others: readonly NameMap[];
  /** How many names the map knows, leaves out on purpose, and does not know. */
  readonly counts: { readonly known: number; readonly ignored: number; readonly unknown: number };
}

/**
 * Finds the map from the names of a state dict. Prefixes of wrappers have to be off.
 * @param side whether the names are another program's or ours in torch's form (`backbone.body.conv1.weight`)
 */
export function findNameMap(
  names: Iterable<string>,
  side: 'theirs' | 'ours' = 'theirs',
  family?: NameMap['family'],
): FoundMap {
  const list = [...names];
  const fitting = NAME_MAPS.filter((map) => {
    const signs = map[side];
    const current_ = side === 'theirs' ? list.map((name) => current(map, name)) : list;
    return signs !== undefined && (family === undefined || map.family === family) && hasSigns(signs, current_);
  });
  const whole = fitting.filter((map) => !GENERAL.has(map));
  const candidates = whole.length > 0 ? whole : fitting;
  const [map] = candidates;
  const none = { known: 0, ignored: 0, unknown: list.length };
  if (map === undefined) {
    const other = OTHERS.find(([sign]) => foundBy(sign, list) !== undefined);
    return {
      map: null,
      others: [],
      counts: none,
      why:
        other === undefined
          ? `no map knows these names (${list.slice(0, 3).join(', ')}${list.length > 3 ? ', …' : ''}); there are maps for torchvision, timm's ResNets and mmdetection`
          : `the names are of ${other[1]} (${foundBy(other[0], list)!}), for which there is no map`,
    };
  }
  if (candidates.length > 1)
    return {
      map: null,
      others: candidates,
      counts: none,
      why: `the names are of several models at once: ${candidates.map((one) => `${one.title} (${signOf(one, side, list)})`).join(', ')}; take one of them by \`prefix\``,
    };
  const { names: known, ignored, unknown } = (side === 'theirs' ? toOurNames : toTheirNames)(map, list);
  return {
    map,
    others: [],
    counts: { known: known.size, ignored: ignored.length, unknown: unknown.length },
    why: `${map.title}, told by ${signOf(map, side, list)}${halfFit(unknown, list.length)}`,
  };
}

/** What a map does not know of a file, if anything. */
const halfFit = (unknown: readonly LeftOut[], all: number): string =>
  unknown.length === 0
    ? ''
    : `; ${unknown.length} of the ${all} names are not in its map (${unknown
        .slice(0, 3)
        .map(({ name }) => name)
        .join(', ')}${unknown.length > 3 ? ', …' : ''})`;

/** The name of the file that tells a map. */
const signOf = (map: NameMap, side: 'theirs' | 'ours', names: readonly string[]): string => {
  const now = side === 'theirs' ? names.map((name) => current(map, name)) : names;
  return names[now.indexOf(foundBy(map[side]!.has[0]!, now)!)]!;
};

/** @throws KdError USAGE naming the maps that there are */
export function nameMap(id: string): NameMap {
  const found = NAME_MAPS.find((map) => map.id === id);
  if (found !== undefined) return found;
  const known = NAME_MAPS.map((map) => map.id);
  throw new KdError(
    'USAGE',
    `there is no name map "${id}"; ${[suggestion(id, known), `there are ${known.join(', ')}.`].filter(Boolean).join(' ')}`,
  );
}

import type { NamedTensors } from '@kd/core';

/** What names and shapes of a file tell of its model, as the options of a detector here would say it. */
export interface DescribedModel {
  /** A config's `backbone`: a name, a name with options, or the shape of a ResNet; null where nothing tells. */
  readonly backbone:
    | string
    | readonly [string, Readonly<Record<string, unknown>>]
    | Readonly<Record<string, unknown>>
    | null;
  /** torchvision's version of RetinaNet or Faster R-CNN. */
  readonly version: 1 | 2 | null;
  /** As many as the file has logits for, torchvision's background of dense heads among them, no other. */
  readonly classes: number | null;
}

type ShapeOf = (path: string) => readonly number[] | undefined;

const BODY = 'backbone.body.';
const HEAD = 'head.classification_head.';

/**
 * What a file holds beyond its map: depth and kind of the backbone, classes, version.
 * @param tensors by our names and in our layouts
 * @param map id of the name map, or null
 */
export function describeModel(tensors: NamedTensors, map: string | null): DescribedModel {
  const shape: ShapeOf = (path) => tensors.get(path)?.shape;
  const names = [...tensors.keys()];
  return { backbone: backboneOf(names, shape), version: versionOf(names, map), classes: classesOf(shape) };
}

function backboneOf(names: readonly string[], shape: ShapeOf): DescribedModel['backbone'] {
  const own = names.filter((name) => name.startsWith(BODY)).map((name) => name.slice(BODY.length));
  const numbers = (pattern: RegExp): number[] => own.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
  const depth = (pattern: RegExp): number => Math.max(-1, ...numbers(pattern)) + 1;
  if (own.some((name) => name.startsWith('layer1.0.conv1/'))) return resnetOf(depth, shape);
  const lite = depth(/^_blocks\.(\d+)\._depthwise_conv\//);
  if (lite > 0) return liteOf(lite, shape(`${BODY}_blocks.${lite - 1}._project_conv/kernel`)?.at(-1));
  const modules = depth(/^(\d+)\./);
  if (own.some((name) => /^\d+\.conv\.\d/.test(name))) return mobilenet('mobilenet-v2', 32, shape);
  if (own.some((name) => /^\d+\.block\.\d/.test(name)))
    return mobilenet(modules > 13 ? 'mobilenet-v3-large' : 'mobilenet-v3-small', 16, shape);
  return null;
}

/** Blocks of each layer, in bottlenecks, with the groups of ResNeXt: what the usual names stand for. */
const RESNETS: Readonly<Record<string, string>> = {
  'basic 1 1 1 1 64 1 64': 'resnet10',
  'basic 2 2 2 2 64 1 64': 'resnet18',
  'basic 3 4 6 3 64 1 64': 'resnet34',
  'bottleneck 3 4 6 3 64 1 64': 'resnet50',
  'bottleneck 3 4 23 3 64 1 64': 'resnet101',
  'bottleneck 3 4 6 3 64 32 4': 'resnext50_32x4d',
  'bottleneck 3 4 23 3 64 32 4': 'resnext101_32x4d',
  'bottleneck 3 4 23 3 64 64 4': 'resnext101_64x4d',
  'bottleneck 3 4 23 3 64 32 8': 'resnext101_32x8d',
};

function resnetOf(depth: (pattern: RegExp) => number, shape: ShapeOf): DescribedModel['backbone'] {
  const layers = [1, 2, 3, 4].map((s) => depth(new RegExp(`^layer${s}\\.(\\d+)\\.conv1/`))).filter((n) => n > 0);
  const block = depth(/^layer1\.(\d+)\.conv3\//) > 0 ? 'bottleneck' : 'basic';
  const width = shape(`${BODY}conv1/kernel`)?.at(-1);
  const middle = shape(`${BODY}layer1.0.conv2/kernel`);
  if (width === undefined || middle === undefined) return null;
  const [groups, widthPerGroup] = block === 'basic' ? [1, 64] : [middle[3]! / middle[2]!, (middle[2]! * 64) / width];
  const grouped = groups !== 1 || widthPerGroup !== 64;
  return (
    RESNETS[[block, ...layers, width, groups, widthPerGroup].join(' ')] ?? {
      ...{ block, layers, width },
      ...(grouped && { groups, widthPerGroup }),
    }
  );
}

/** Blocks and channels behind the last one. */
const LITES = ['16 320', '21 320', '21 352', '24 384', '30 448'];

function liteOf(blocks: number, channels: number | undefined): DescribedModel['backbone'] {
  const version = LITES.indexOf(`${blocks} ${channels}`);
  return version < 0 ? null : ['efficientnet-lite', { version }];
}

/** Channels are rounded, so that the width is told where it is the usual one alone. */
function mobilenet(name: string, stem: number, shape: ShapeOf): DescribedModel['backbone'] {
  const own = shape(`${BODY}0.0/kernel`)?.at(-1);
  return own === stem ? [name, { width: 1 }] : name;
}

function versionOf(names: readonly string[], map: string | null): DescribedModel['version'] {
  const second: Readonly<Record<string, string>> = {
    'torchvision-retinanet': `${HEAD}conv.0.1/gamma`,
    'torchvision-faster-rcnn': 'roi_heads.box_head.0.0/kernel',
  };
  const sign = map === null ? undefined : second[map];
  return sign === undefined ? null : names.includes(sign) ? 2 : 1;
}

function classesOf(shape: ShapeOf): number | null {
  const last = (path: string): number | undefined => (shape(`${path}/kernel`) ?? shape(`${path}/bias`))?.at(-1);
  const scores = last('roi_heads.box_predictor.cls_score') ?? last('roi_heads.0.box_predictor.cls_score');
  if (scores !== undefined) return scores - 1;
  const logits = last(`${HEAD}cls_logits`);
  if (logits === undefined) return null;
  // Only RetinaNet has several anchors in a place; GFL's sides are distributions.
  const anchors =
    shape('head.regression_head.scales.0/scale') === undefined ? (last('head.regression_head.bbox_reg') ?? 4) / 4 : 1;
  return Number.isInteger(logits / anchors) ? logits / anchors : null;
}

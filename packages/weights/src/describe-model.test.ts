import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { describeModel } from './describe-model.js';
import { importStateDict } from './import-weights.js';

const tensor = (shape: readonly number[]): HostTensor => ({ dtype: 'F32', shape, data: new Float32Array(0) });
const told = (state: ReadonlyMap<string, HostTensor>) => {
  const { tensors, map } = importStateDict(state);
  return describeModel(tensors, map);
};

const folder = fileURLToPath(new URL('../../../../shared/spec/state-dicts/', import.meta.url));
const list = (file: string): Map<string, HostTensor> =>
  new Map(
    readFileSync(join(folder, `${file}.txt`), 'utf8')
      .split('\n')
      .flatMap((line): [string, HostTensor][] => {
        const match = /^(\S+) (scalar|\d+(?:x\d+)*)/.exec(line);
        return match === null
          ? []
          : [[match[1]!, tensor(match[2] === 'scalar' ? [] : match[2]!.split('x').map(Number))]];
      }),
  );

describe.skipIf(!existsSync(folder))('published models (names and shapes in ../shared)', () => {
  test.each([
    ['retinanet_resnet50_fpn', 'resnet50', 1, 91],
    ['retinanet_resnet50_fpn_v2', 'resnet50', 2, 91],
    ['fasterrcnn_resnet50_fpn', 'resnet50', 1, 90],
    ['fasterrcnn_resnet50_fpn_v2', 'resnet50', 2, 90],
    ['fcos_resnet50_fpn', 'resnet50', null, 91],
    ['resnet18', 'resnet18', null, null],
    ['resnet34', 'resnet34', null, null],
    ['resnet50', 'resnet50', null, null],
    ['mmdet/retinanet_r50', 'resnet50', null, 80],
    ['mmdet/fcos_r50_gn', 'resnet50', null, 80],
    ['mmdet/atss_r50', 'resnet50', null, 80],
    ['mmdet/gfl_r101', 'resnet101', null, 80],
    ['mmdet/faster_rcnn_r50', 'resnet50', null, 80],
    ['mmdet/cascade_rcnn_x101_64x4d', 'resnext101_64x4d', null, 80],
  ])('%s is of %s, version %s, %s classes', (file, backbone, version, classes) => {
    expect(told(list(file))).toEqual({ backbone, version, classes });
  });
});

const dict = (shapes: Record<string, readonly number[]>) =>
  new Map(Object.entries(shapes).map(([name, shape]) => [name, tensor(shape)]));
const lite = (blocks: number, channels: number) =>
  dict({
    '_conv_stem.weight': [32, 3, 3, 3],
    [`_blocks.${blocks - 1}._depthwise_conv.weight`]: [1152, 1, 3, 3],
    [`_blocks.${blocks - 1}._project_conv.weight`]: [channels, 1152, 1, 1],
  });

test.each([
  [lite(16, 320), ['efficientnet-lite', { version: 0 }]],
  [lite(21, 352), ['efficientnet-lite', { version: 2 }]],
  [lite(30, 448), ['efficientnet-lite', { version: 4 }]],
  [lite(17, 320), null],
  [
    dict({ 'features.0.0.weight': [32, 3, 3, 3], 'features.1.conv.0.0.weight': [32, 1, 3, 3] }),
    ['mobilenet-v2', { width: 1 }],
  ],
  [
    dict({ 'features.0.0.weight': [16, 3, 3, 3], 'features.16.block.0.0.weight': [16, 1, 3, 3] }),
    ['mobilenet-v3-large', { width: 1 }],
  ],
  [dict({ 'features.0.0.weight': [8, 3, 3, 3], 'features.12.block.0.0.weight': [8, 1, 3, 3] }), 'mobilenet-v3-small'],
  [
    dict({
      'conv1.weight': [64, 3, 7, 7],
      'layer1.0.conv1.weight': [8, 64, 1, 1],
      'layer1.0.conv2.weight': [8, 8, 3, 3],
      'layer1.0.conv3.weight': [256, 8, 1, 1],
    }),
    { block: 'bottleneck', layers: [1], width: 64, groups: 1, widthPerGroup: 8 },
  ],
  [dict({ 'a.weight': [3] }), null],
])('a backbone by itself, %#', (state, backbone) => {
  expect(told(state)).toEqual({ backbone, version: null, classes: null });
});

import type { HostTensor } from '@kd/core';
import { expect, test } from 'vitest';
import { importStateDict } from '../import-weights.js';

const dict = (shapes: Record<string, readonly number[]>): Map<string, HostTensor> =>
  new Map(Object.entries(shapes).map(([name, shape]) => [name, { dtype: 'F32', shape, data: new Float32Array(0) }]));

/** Names as mmdet 3.3's MobileNetV2 has them, below a RetinaNet. */
const mmdet = {
  'backbone.conv1.conv.weight': [32, 3, 3, 3],
  'backbone.layer1.0.depthwise_conv.conv.weight': [32, 1, 3, 3],
  'backbone.layer1.0.linear_conv.conv.weight': [16, 32, 1, 1],
  'bbox_head.retina_cls.weight': [9, 256, 3, 3],
  'bbox_head.retina_reg.weight': [36, 256, 3, 3],
};
/** Some of torchvision 0.21's fasterrcnn_mobilenet_v3_large_fpn. */
const fasterRcnn = {
  'backbone.body.0.0.weight': [16, 3, 3, 3],
  'backbone.body.1.block.0.0.weight': [16, 1, 3, 3],
  'backbone.body.13.block.3.0.weight': [160, 672, 1, 1],
  'backbone.fpn.inner_blocks.0.0.weight': [256, 160, 1, 1],
  'backbone.fpn.inner_blocks.1.0.weight': [256, 960, 1, 1],
  'roi_heads.box_predictor.cls_score.weight': [91, 1024],
};

test.each([
  [
    '',
    mmdet,
    /^a\.pth holds a MobileNetV2 under mmdetection's names, for which there is no map \(backbone\.layer1\.0\.depthwise_conv\.conv\.weight\)\. Instead: torchvision's mobilenet_v2/,
  ],
  ['module.', mmdet, /a MobileNetV2 under mmdetection's names/],
  [
    '',
    fasterRcnn,
    /^a\.pth holds torchvision's Faster R-CNN on MobileNetV3, .*two maps of stride 32.*init: \['<file>', \{ prefix: 'backbone\.body\.'/,
  ],
  ['model.', fasterRcnn, /torchvision's Faster R-CNN on MobileNetV3/],
])('behind "%s": refused, with what to do, %#', (prefix, state, message) => {
  const own = dict(Object.fromEntries(Object.entries(state).map(([name, shape]) => [prefix + name, shape])));
  expect(() => importStateDict(own, { where: 'a.pth' })).toThrow(message);
});

test('the backbone of that Faster R-CNN comes in as the message says', () => {
  const { map, tensors } = importStateDict(dict(fasterRcnn), {
    prefix: 'backbone.body.',
    rename: [['^', 'features.']],
  });
  expect(map).toBe('mobilenet-v3');
  expect([...tensors.keys()]).toEqual([
    'backbone.body.0.0/kernel',
    'backbone.body.1.block.0.0/kernel',
    'backbone.body.13.block.3.0/kernel',
  ]);
});

test('a Faster R-CNN on MobileNetV3 with a pyramid of strides, as one of ours is written, comes in', () => {
  const ours = { ...fasterRcnn, 'backbone.fpn.inner_blocks.0.0.weight': [256, 112, 1, 1] };
  expect(importStateDict(dict(ours)).map).toBe('torchvision-faster-rcnn');
  const four = { ...fasterRcnn, 'backbone.fpn.inner_blocks.2.0.weight': [256, 112, 1, 1] };
  expect(importStateDict(dict(four)).map).toBe('torchvision-faster-rcnn');
});

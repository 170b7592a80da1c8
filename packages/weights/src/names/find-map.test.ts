import type { HostTensor } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { importStateDict, type ImportOptions } from '../import-weights.js';
import { toMmdet } from '../torchvision.js';
import { findNameMap } from './find-map.js';

const dict = (shapes: Record<string, readonly number[]>): Map<string, HostTensor> =>
  new Map(
    Object.entries(shapes).map(([key, shape]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      return [key, { dtype: 'F32', shape, data }];
    }),
  );
const names = (shapes: Record<string, number[]>, options?: ImportOptions): string[] => [
  ...importStateDict(dict(shapes), options).tensors.keys(),
];

describe('which map', () => {
  test.each([
    [['model.0.conv.weight', 'model.0.bn.weight'], /YOLO.*\(model.0.conv.weight\)/],
    [['backbone.bottom_up.stem.conv1.weight'], /detectron2/],
    [['conv_stem.weight', 'blocks.0.0.conv_dw.weight'], /timm's MobileNets/],
    [['a.weight', 'b.bias'], /no map knows these names \(a.weight, b.bias\); there are maps for/],
    [
      ['bbox_head.retina_cls.bias', 'bbox_head.retina_reg.bias', 'bbox_head.gfl_cls.bias', 'bbox_head.gfl_reg.bias'],
      /several models at once: mmdetection's RetinaNet \(bbox_head.retina_cls.bias\), mmdetection's GFL/,
    ],
  ])('%j is none', (list, why) => {
    expect(findNameMap(list)).toMatchObject({ map: null, why: expect.stringMatching(why) as string });
  });

  test('a backbone below a head that no map knows, with counts', () => {
    const found = findNameMap([
      'backbone.layer1.0.conv1.weight',
      'neck.lateral_convs.0.conv.bias',
      'bbox_head.paa.bias',
    ]);
    expect(found.map?.id).toBe('mmdet-backbone');
    expect(found.counts).toEqual({ known: 2, ignored: 0, unknown: 1 });
    expect(found.why).toBe(
      "mmdetection's backbone and neck, told by backbone.layer1.0.conv1.weight; 1 of the 3 names are not in its map (bbox_head.paa.bias)",
    );
  });

  test('from our names, for the way back', () => {
    const ours = [
      'backbone.body.conv1.weight',
      'backbone.fpn.inner_blocks.0.0.bias',
      'roi_heads.box_predictor.cls_score.bias',
    ];
    expect(findNameMap(ours, 'ours', 'mmdet')).toMatchObject({
      map: { id: 'mmdet-faster-rcnn' },
      counts: { known: 3, ignored: 0, unknown: 0 },
      why: "mmdetection's Faster R-CNN, told by roi_heads.box_predictor.cls_score.bias",
    });
  });

  test('variants of a known detector are named for what they are', () => {
    const { foreign } = importStateDict(
      dict({
        'bbox_head.retina_cls.bias': [2],
        'bbox_head.retina_reg.bias': [2],
        'bbox_head.cls_convs.0.1.bn.weight': [2],
        'bbox_head.cls_convs.0.conv.conv_offset.bias': [2],
      }),
    );
    expect(foreign).toEqual([
      { name: 'bbox_head.cls_convs.0.1.bn.weight', why: expect.stringContaining('RetinaSepBNHead') as string },
      { name: 'bbox_head.cls_convs.0.conv.conv_offset.bias', why: expect.stringContaining('deformable') as string },
    ]);
  });

  test('EfficientNet-Lite under the names of efficientnet_lite_pytorch; one that squeezes and excites is another model', () => {
    const state = {
      '_conv_stem.weight': [32, 3, 3, 3],
      '_bn0.weight': [32],
      '_bn0.running_mean': [32],
      '_bn0.num_batches_tracked': [],
      '_blocks.0._depthwise_conv.weight': [32, 1, 3, 3],
      '_blocks.1._expand_conv.weight': [96, 16, 1, 1],
      '_blocks.1._bn2.weight': [24],
      '_blocks.1._bn2.bias': [24],
      '_bn1.weight': [1280],
      '_conv_head.weight': [1280, 320, 1, 1],
      '_fc.bias': [1000],
    };
    const { map, tensors, ignored, needs } = importStateDict(dict(state));
    expect(map).toBe('efficientnet-lite');
    expect([...tensors].map(([name, { shape }]) => [name.replace('backbone.body.', ''), shape])).toEqual([
      ['_conv_stem/kernel', [3, 3, 3, 32]],
      ['_bn0/gamma', [32]],
      ['_bn0/moving_mean', [32]],
      ['_blocks.0._depthwise_conv/kernel', [3, 3, 1, 32]],
      ['_blocks.1._expand_conv/kernel', [1, 1, 16, 96]],
      ['_blocks.1._bn2/gamma', [24]],
      ['_blocks.1._bn2/beta', [24]],
    ]);
    expect(ignored.map(({ name }) => name)).toEqual([
      '_bn0.num_batches_tracked',
      '_bn1.weight',
      '_conv_head.weight',
      '_fc.bias',
    ]);
    expect(needs).toEqual(["norm: 'frozen', 'eval' or 'live'"]);
    const { foreign } = importStateDict(dict({ ...state, '_blocks.0._se_reduce.weight': [8, 32, 1, 1] }));
    expect(foreign).toEqual([
      { name: '_blocks.0._se_reduce.weight', why: expect.stringContaining('squeeze and excitation') as string },
    ]);
  });

  test('a map may be asked for by its id', () => {
    expect(importStateDict(dict({ 'bbox_head.retina_cls.bias': [2] }), { map: 'mmdet-retinanet' }).map).toBe(
      'mmdet-retinanet',
    );
    expect(() => importStateDict(dict({ a: [1] }), { map: 'mmdet-retina' })).toThrow(
      /there is no name map "mmdet-retina"; did you mean "mmdet-retinanet"\?/,
    );
  });

  test('a model that mmdetection has no names for is not written under them', () => {
    expect(() => toMmdet(dict({ 'squares.conv/kernel': [3, 3, 1, 2] }))).toThrow(
      /cannot be written under mmdet's names/,
    );
    const state = {
      'backbone.body.layer1.0.conv1/kernel': [1, 1, 2, 2],
      'backbone.body.bn1/gamma': [2],
      'other.head/bias': [2],
    };
    expect(() => toMmdet(dict(state))).toThrow(/1 of the model's 3 tensors have no name .*\(other.head.bias\)/);
  });
});

describe('prefixes and rules of one’s own', () => {
  const state = { 'conv1.weight': [4, 3, 7, 7], 'layer1.0.conv1.weight': [4, 4, 1, 1] };
  const ours = ['backbone.body.conv1/kernel', 'backbone.body.layer1.0.conv1/kernel'];
  const below = (...prefixes: string[]): Record<string, number[]> =>
    Object.assign(
      {},
      ...prefixes.map((one) => Object.fromEntries(Object.entries(state).map(([n, s]) => [one + n, s]))),
    );

  test.each([['module.'], ['_orig_mod.module.'], ['student.'], ['module.teacher.'], ['encoder_q.']])(
    '%s is taken off',
    (prefix) => {
      expect(names(below(prefix))).toEqual(ours);
    },
  );

  test('a student beside its teacher: one of them has to be chosen', () => {
    const both = below('student.', 'teacher.');
    expect(() => names(both, { where: 'crosskd.pth' })).toThrow(
      /^crosskd.pth holds a student and a teacher: .*"prefix": "student\."/,
    );
    expect(names(both, { prefix: 'teacher.' })).toEqual(ours);
    expect(names(both, { prefix: 'teacher' })).toEqual(ours);
    expect(() => names(both, { prefix: 'studnet.' })).toThrow(
      /no name begins with the prefix "studnet."; did you mean "student."\?/,
    );
    // A teacher beside plain names: those are meant.
    const { tensors, ignored } = importStateDict(dict(below('', 'teacher.')));
    expect([...tensors.keys()]).toEqual(ours);
    const why = 'the teacher of a distillation beside the model; prefix "teacher." takes it';
    expect(ignored).toEqual(['teacher.conv1.weight', 'teacher.layer1.0.conv1.weight'].map((name) => ({ name, why })));
  });

  test('rules on names, one after the other, as text or not; one that fits no name is told', () => {
    const state = { 'enc/x.conv1.weight': [4, 3, 7, 7], 'out.bias': [2] };
    const rename = [
      ['^enc/x\\.', 'encoder.'],
      [/^encoder\./, 'backbone.body.'],
    ] as const;
    expect(names(state, { rename })).toEqual(['backbone.body.conv1/kernel', 'out/bias']);
    expect(() => names(state, { rename: [['^decoder', 'x']], where: 'a.pth' })).toThrow(
      /^a.pth: the rule \[\^decoder, x\] of `rename` fits no name; there are enc\/x.conv1.weight, out.bias/,
    );
    expect(() => names(below(''), { rename: [['^conv1|^layer1.0.conv1', 'x']], where: 'a.pth' })).toThrow(
      /^a.pth: the keys "conv1.weight" and "layer1.0.conv1.weight" are both x.weight/,
    );
  });

  test('rules below a prefix that all names have: what they leave there loses it', () => {
    const state = {
      'net.encoder.conv1.weight': [4, 3, 7, 7],
      'net.encoder.layer1.0.conv1.weight': [4, 4, 3, 3],
      'net.backbone.fpn.inner_blocks.0.0.weight': [4, 4, 1, 1],
    };
    const ours = [
      'backbone.body.conv1/kernel',
      'backbone.body.layer1.0.conv1/kernel',
      'backbone.fpn.inner_blocks.0.0/kernel',
    ];
    expect(names(state, { rename: [['^net\\.encoder\\.', 'backbone.body.']] })).toEqual(ours);
    expect(names(state, { prefix: 'net', rename: [['^encoder\\.', 'backbone.body.']] })).toEqual(ours);
    expect(() => names(state, { rename: [['^encoder\\.', 'backbone.body.']], where: 'a.pth' })).toThrow(
      /fits no name.*All begin with "net\.", and so has the rule to, unless `prefix` takes that off/,
    );
  });

  test('our own names pass as they are; those of an optimiser are none', () => {
    expect(names({ 'backbone.body.conv1/kernel': [7, 7, 3, 4] })).toEqual(['backbone.body.conv1/kernel']);
    expect(importStateDict(dict({ 'state/0/momentum_buffer': [4] })).told).toMatch(/^no map knows these names/);
  });
});

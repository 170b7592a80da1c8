import { describe, expect, test } from 'vitest';
import type { ForeignWeights } from './contract/checkpoint.js';
import { describeLoad, fitsWhole, loadReport, type Shapes } from './load-report.js';

const shapes = (of: Record<string, number[]>): Shapes =>
  new Map(Object.entries(of).map(([name, shape]) => [name, { shape }]));

const foreign = (of: Partial<ForeignWeights>): ForeignWeights => ({
  tensors: new Map(),
  sources: new Map(),
  told: "mmdetection's FCOS, told by bbox_head.conv_cls.weight",
  detector: 'fcos',
  ignored: [],
  foreign: [],
  needs: [],
  ...of,
});

test('what fits is told by nothing', () => {
  const report = loadReport(shapes({ a: [1], s: [] }), shapes({ s: [], a: [1] }));
  expect(report).toMatchObject({ applied: ['s', 'a'], missing: [], unused: [], mismatched: [], classes: null });
  expect(fitsWhole(report)).toBe(true);
  expect(describeLoad(report)).toEqual([]);
});

test('what does not fit is listed both ways, with both shapes', () => {
  const report = loadReport(shapes({ a: [1], b: [2, 3], extra: [1] }), shapes({ a: [1], b: [3, 2], wanted: [4] }));
  expect(report).toMatchObject({
    applied: ['a'],
    missing: ['wanted'],
    unused: ['extra'],
    mismatched: [{ path: 'b', given: [2, 3], wanted: [3, 2] }],
  });
  expect(fitsWhole(report)).toBe(false);
  expect(describeLoad(report)).toEqual([
    '1 tensor fits',
    '1 of another shape: b is [2, 3] where [3, 2] is wanted',
    '1 missing: wanted',
    '1 not used: extra',
  ]);
});

test('long lists are cut, with their counts', () => {
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`layer.${i}/kernel`, [i + 1]]));
  expect(describeLoad(loadReport(shapes({}), shapes(many)))).toEqual([
    '0 tensors fit',
    '9 missing: layer.0/kernel, layer.1/kernel, layer.2/kernel, … and 6 more',
  ]);
});

describe('did you mean', () => {
  const meant = (given: Record<string, number[]>, wanted: Record<string, number[]>) =>
    Object.fromEntries(loadReport(shapes(given), shapes(wanted)).meant);

  test('a misspelt name, both ways', () => {
    expect(meant({ 'head.cls_logit/kernel': [3, 2] }, { 'head.cls_logits/kernel': [3, 2] })).toEqual({
      'head.cls_logits/kernel': 'head.cls_logit/kernel',
      'head.cls_logit/kernel': 'head.cls_logits/kernel',
    });
  });
  test('the same layer below another module, though other names are closer', () => {
    expect(
      meant(
        { 'encoder.layer1.0.conv1/kernel': [2], 'encoder.layer1.0.conv2/kernel': [2] },
        { 'backbone.body.layer1.0.conv2/kernel': [2] },
      ),
    ).toMatchObject({ 'backbone.body.layer1.0.conv2/kernel': 'encoder.layer1.0.conv2/kernel' });
  });
  test('is told in the names of the file', () => {
    const [given, wanted] = [shapes({ 'neks/kernel': [2] }), shapes({ 'necks/kernel': [2] })];
    const sources = new Map([['neks/kernel', 'net.neks.weight']]);
    const report = loadReport(given, wanted, { foreign: foreign({ sources, told: 'x' }) });
    expect(describeLoad(report).slice(2)).toEqual([
      '1 missing: necks/kernel (did you mean "net.neks.weight"?)',
      '1 not used: net.neks.weight (did you mean "necks/kernel"?)',
    ]);
  });
  test('neither a tensor of another shape nor a layer of another number', () => {
    expect(meant({ 'head.cls_logit/kernel': [3] }, { 'head.cls_logits/kernel': [3, 2] })).toEqual({});
    expect(meant({ 'layer1.0.bn2/gamma': [4] }, { 'layer1.0.bn3/gamma': [4] })).toEqual({});
    expect(meant({ 'layer1.0.bn1/moving_mean': [4] }, { 'layer1.1.bn1/gamma': [4] })).toEqual({});
  });
});

describe('another number of classes', () => {
  const of = (given: Record<string, number[]>, wanted: Record<string, number[]>, classes: number) =>
    loadReport(shapes(given), shapes(wanted), { classes });

  test('is named where the layers of classes say so: nine anchors a place, a background', () => {
    const report = of(
      { 'head.cls_logits/kernel': [3, 3, 8, 720], 'head.cls_logits/bias': [720], 'neck/kernel': [1] },
      { 'head.cls_logits/kernel': [3, 3, 8, 27], 'head.cls_logits/bias': [27], 'neck/kernel': [1] },
      3,
    );
    expect(report.classes).toEqual({
      given: 80,
      wanted: 3,
      paths: ['head.cls_logits/kernel', 'head.cls_logits/bias'],
    });
    expect(describeLoad(report)[1]).toBe(
      "80 classes instead of 3 (COCO's 80, as mmdetection counts them): head.cls_logits/kernel, head.cls_logits/bias",
    );
    const predictor = (rows: number, boxes: number) => ({
      'box_predictor.cls_score/bias': [rows],
      'box_predictor.bbox_pred/bias': [boxes],
    });
    expect(of(predictor(91, 364), predictor(4, 16), 3).classes).toMatchObject({ given: 90, wanted: 3 });
  });
  test('is not where layers disagree, or other layers differ', () => {
    expect(
      of({ 'a_cls/bias': [40], 'b_cls/bias': [8] }, { 'a_cls/bias': [6], 'b_cls/bias': [2] }, 2).classes,
    ).toBeNull();
    expect(of({ 'neck/bias': [8] }, { 'neck/bias': [4] }, 1).classes).toBeNull();
    const report = of({ 'cls/kernel': [5, 4] }, { 'cls/kernel': [6, 2] }, 2);
    expect(report.classes).toBeNull();
    expect(describeLoad(report)).toContain('1 of another shape: cls/kernel is [5, 4] where [6, 2] is wanted');
  });
});

test('a file of another program: whose it is, its own names, what it is for', () => {
  const report = loadReport(shapes({ 'head.conv.0/bias': [2], 'x/weight': [1] }), shapes({ 'head.cls/bias': [2, 2] }), {
    detector: 'gfl',
    classes: 2,
    foreign: foreign({
      sources: new Map([
        ['head.conv.0/bias', 'bbox_head.cls_convs.0.conv.bias'],
        ['x/weight', 'bbox_head.x.weight'],
      ]),
      ignored: [
        { name: 'a', why: 'a counter' },
        { name: 'b', why: 'a counter' },
      ],
      foreign: [{ name: 'bbox_head.x.weight', why: 'a deformable convolution' }],
      needs: ["flavour: 'mmdet'", 'head: { convBias: true }'],
    }),
  });
  expect(describeLoad(report)).toEqual([
    "the file: mmdetection's FCOS, told by bbox_head.conv_cls.weight",
    'it is for the detector "fcos", this one is "gfl"',
    '0 tensors fit',
    '1 missing: head.cls/bias',
    '2 not used: bbox_head.cls_convs.0.conv.bias, bbox_head.x.weight',
    'no model here has: a deformable convolution',
    'left out: 2 (a counter)',
    "such a file is for a detector with flavour: 'mmdet', head: { convBias: true }",
  ]);
});

import { expect, it } from 'vitest';
import { storedSettings } from './stored-settings.js';

const names = (...list: string[]) => new Map(list.map((name) => [name, { dtype: 'F32', shape: [1], refused: null }]));
const cfg = "model = dict(backbone=dict(type='ResNet', style='caffe'))";

it('finds the config in what torch saved, of either version, and in what kd convert made of it', () => {
  const style = (meta: Parameters<typeof storedSettings>[0]['meta']) =>
    storedSettings({ meta, tensors: names('backbone.body.conv1.weight') })?.style;
  expect(style({ cfg, epoch: 12 })).toBe('caffe');
  expect(style({ config: cfg, mmdet_version: '2.0' })).toBe('caffe');
  expect(style({ meta: JSON.stringify({ cfg }) })).toBe('caffe');
});

it('tells a model of mmdetection without a config by its names, and says nothing of others', () => {
  const of = (name: string) => storedSettings({ meta: { meta: 'no JSON', cfg: 3 }, tensors: names(name) });
  expect(of('module.bbox_head.retina_cls.weight')).toEqual({ program: 'mmdetection' });
  expect(of('backbone.body.conv1.weight')).toBeUndefined();
});

it('knows the pixels of EfficientNet-Lite by its names, theirs or ours, and not those of the others', () => {
  const of = (...list: string[]) => storedSettings({ meta: {}, tensors: names(...list) })?.input;
  const pixels = { mean: [127, 127, 127], std: [128, 128, 128], range: 255, channels: 'rgb' };
  expect(of('_conv_stem.weight', '_blocks.0._depthwise_conv.weight')).toEqual(pixels);
  expect(of('backbone.body._conv_stem/kernel', 'backbone.body._blocks.0._depthwise_conv/kernel')).toEqual(pixels);
  expect(of('_conv_stem.weight', '_blocks.0._depthwise_conv.weight', '_blocks.0._se_reduce.bias')).toBeUndefined();
  expect(of('conv_stem.weight', 'blocks.0.0.conv_dw.weight')).toBeUndefined();
});

it('finds the classes, of either version', () => {
  const classes = (meta: Parameters<typeof storedSettings>[0]['meta']) =>
    storedSettings({ meta, tensors: names('bbox_head.retina_cls.weight') })?.classes;
  expect(classes({ cfg, dataset_meta: { classes: ['a', 'b'] } })).toEqual(['a', 'b']);
  expect(classes({ CLASSES: ['a', 'b'], config: cfg })).toEqual(['a', 'b']);
  expect(classes({ meta: JSON.stringify({ cfg, dataset_meta: { CLASSES: ['a'] } }) })).toEqual(['a']);
  const odd: Parameters<typeof classes>[0][] = [
    { dataset_meta: 3 },
    { CLASSES: 'a' },
    { CLASSES: [] },
    { CLASSES: [1] },
  ];
  for (const one of odd) expect(classes(one)).toBeUndefined();
});

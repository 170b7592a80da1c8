import { expect, it } from 'vitest';
import { mmdetSettings } from './mmdet-settings.js';
import { pythonLiterals } from './python-literals.js';

/** As mmengine writes it, shortened. */
const FCOS = `auto_scale_lr = dict(base_batch_size=16, enable=False)
dataset_type = 'CocoDataset'
# model = dict(backbone=dict(style='pytorch'))
model = dict(
    backbone=dict(
        depth=50,
        init_cfg=dict(
            checkpoint='open-mmlab://detectron/resnet50_caffe', type='Pretrained'),
        norm_cfg=dict(requires_grad=False, type='BN'),
        out_indices=(0, 1, 2, 3, ),
        style='caffe',
        type='ResNet'),
    data_preprocessor=dict(
        bgr_to_rgb=False,
        mean=[102.9801, 115.9465, 122.7717],
        pad_size_divisor=32,
        std=[1.0, 1.0, 1.0],
        type='DetDataPreprocessor'),
    type='FCOS')
train_pipeline = [
    dict(backend_args=None, type='LoadImageFromFile'),
    dict(mean=[1, 2, 3], type='Other', style='pytorch'),
]
`;

const CAFFE = { mean: [102.9801, 115.9465, 122.7717], std: [1, 1, 1], range: 255, channels: 'bgr' };

it('reads pixels and style of a config of mmdetection 3.x', () => {
  expect(mmdetSettings(FCOS)).toEqual({ program: 'mmdetection', from: 'meta.cfg', input: CAFFE, style: 'caffe' });
});

it('reads those of 2.x, where the network reads RGB unless told otherwise', () => {
  const of = (norm: string) =>
    mmdetSettings(`img_norm_cfg = dict(${norm})\nmodel = {'backbone': {'type': 'ResNet', 'depth': 50}}`);
  expect(of('mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]')).toMatchObject({
    input: { channels: 'rgb', std: [58.395, 57.12, 57.375] },
    style: 'pytorch',
  });
  expect(of('mean=(1, 2, 3), std=(1, 1, 1), to_rgb=False').input?.channels).toBe('bgr');
});

it.each([
  ['model = dict(data_preprocessor=dict(mean=get(), std=[1, 1, 1]))', /mean is no literal/],
  ['model = dict(data_preprocessor=dict(mean=[1, 2], std=[1, 1, 1]))', /mean is \[1,2\], not three numbers/],
  ['model = dict(data_preprocessor=dict(mean=[1, 2, 3 * 2], std=[1, 1, 1]))', /mean is no literal/],
  ['model = dict(data_preprocessor=dict(mean=[1, 2, 3] * 1, std=[1, 1, 1]))', /mean is no literal/],
  ['img_norm_cfg = dict(mean=[1, 2, 3], std=[1, 1, 1], to_rgb=1)', /neither True nor False/],
  ["model = dict(type='FCOS", /does not end/],
  ['model = dict(', /stay open/],
  ['model = dict(type=[)', /closes nothing/],
  ['('.repeat(1000), /more than 200 brackets/],
])('tells what it cannot read: %s', (text, message) => {
  const { unread, input } = mmdetSettings(text);
  expect(unread).toMatch(message);
  expect(input).toBeUndefined();
});

it('says nothing where the file says nothing', () => {
  expect(mmdetSettings(undefined)).toEqual({ program: 'mmdetection' });
  expect(mmdetSettings("model = dict(type='X', backbone=dict(type='Swin'))")).toEqual({
    program: 'mmdetection',
    from: 'meta.cfg',
  });
});

it('takes literals alone, of the keys that are asked for, the last of two', () => {
  const of = (text: string) => Object.fromEntries(pythonLiterals(text, new Set(['a', 'b.c', 'b.d.e'])));
  expect(of("a = -1.5e3\nb = dict(c=r'x', d={'e': [(1, ), None, True], f'{a}': 2})")).toEqual({
    a: -1500,
    'b.c': 'x',
    'b.d.e': [[1], null, true],
  });
  expect(of('a = 1\na = open()')).toEqual({ a: undefined });
  expect(of("a = f'x'\nx.a = 3\nif a == 2: pass")).toEqual({ a: undefined });
  expect(of("b = list(dict(c=1))\n'''a = 3'''  # a = 4")).toEqual({});
});

it('reads a long text in the time of its length', () => {
  const started = performance.now();
  expect(mmdetSettings(`"" '' `.repeat(300_000)).unread).toBeUndefined();
  expect(mmdetSettings(`x = [${'"a", '.repeat(200_000)}]`).unread).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(20_000);
});

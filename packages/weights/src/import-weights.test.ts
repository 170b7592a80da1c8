import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { exportStateDict } from './export-weights.js';
import { importStateDict, type ImportOptions } from './import-weights.js';
import { readSafetensors } from './safetensors.js';
import { toMmdet } from './torchvision.js';

/** Values count up from 0. */
const range = (...shape: number[]): HostTensor => {
  const count = shape.reduce((a, b) => a * b, 1);
  return { dtype: 'F32', shape, data: Float32Array.from({ length: count }, (_, i) => i) };
};
const dict = (shapes: Record<string, number[]>): Map<string, HostTensor> =>
  new Map(Object.entries(shapes).map(([key, shape]) => [key, range(...shape)]));
const shapesOf = (tensors: ReadonlyMap<string, HostTensor>): Record<string, readonly number[]> =>
  Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
const names = (shapes: Record<string, number[]>, options?: ImportOptions): string[] => [
  ...importStateDict(dict(shapes), options).tensors.keys(),
];
const bytesOf = ({ buffer, byteOffset, byteLength }: HostTensor['data']): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
const valuesOf = (tensor: HostTensor | undefined): number[] => Array.from(tensor!.data, Number);

const backbone = {
  'backbone.conv1.weight': [4, 3, 7, 7],
  'backbone.bn1.weight': [4],
  'backbone.bn1.running_mean': [4],
  'backbone.bn1.num_batches_tracked': [],
  'backbone.layer1.0.conv1.weight': [4, 4, 1, 1],
  'backbone.layer1.0.downsample.1.running_var': [4],
  'neck.lateral_convs.0.conv.weight': [8, 4, 1, 1],
  'neck.lateral_convs.1.conv.bias': [8],
  'neck.fpn_convs.0.conv.weight': [8, 8, 3, 3],
  'neck.fpn_convs.1.conv.weight': [8, 8, 3, 3],
  'neck.fpn_convs.2.conv.weight': [8, 8, 3, 3],
  'neck.fpn_convs.3.conv.bias': [8],
};
const ourBackbone = [
  'backbone.body.conv1/kernel',
  'backbone.body.bn1/gamma',
  'backbone.body.bn1/moving_mean',
  'backbone.body.layer1.0.conv1/kernel',
  'backbone.body.layer1.0.downsample.1/moving_variance',
  'backbone.fpn.inner_blocks.0.0/kernel',
  'backbone.fpn.inner_blocks.1.0/bias',
  'backbone.fpn.layer_blocks.0.0/kernel',
  'backbone.fpn.layer_blocks.1.0/kernel',
  'backbone.fpn.extra_blocks.p6/kernel',
  'backbone.fpn.extra_blocks.p7/bias',
];
const [cls, reg] = ['head.classification_head', 'head.regression_head'];

describe('mmdetection', () => {
  test('RetinaNet: levels above the last stage follow from the number of stages', () => {
    const state = {
      ...backbone,
      'bbox_head.cls_convs.1.conv.bias': [8],
      'bbox_head.cls_convs.3.gn.weight': [8],
      'bbox_head.retina_cls.weight': [18, 8, 3, 3],
      'bbox_head.retina_reg.bias': [36],
    };
    const found = importStateDict(dict(state));
    expect([...found.tensors.keys()]).toEqual([
      ...ourBackbone,
      `${cls}.conv.1.0/bias`,
      `${cls}.conv.3.1/gamma`,
      `${cls}.cls_logits/kernel`,
      `${reg}.bbox_reg/bias`,
    ]);
    expect(found).toMatchObject({
      map: 'mmdet-retinanet',
      detector: 'retinanet',
      told: "mmdetection's RetinaNet, told by bbox_head.retina_cls.weight",
      ignored: [{ name: 'backbone.bn1.num_batches_tracked', why: expect.stringContaining('counter') as string }],
      needs: ["flavour: 'mmdet'", "norm: 'frozen', 'eval' or 'live'", "head: { norm: 'group' }"],
    });
    expect(found.sources.get('backbone.fpn.extra_blocks.p6/kernel')).toBe('neck.fpn_convs.2.conv.weight');
    const { 'backbone.bn1.num_batches_tracked': _, ...kept } = state;
    expect(shapesOf(toMmdet(found.tensors))).toEqual(kept);
  });

  test('FCOS: blocks in threes; which tower predicts centerness, the model says', () => {
    const state = {
      'bbox_head.cls_convs.2.conv.weight': [8, 8, 3, 3],
      'bbox_head.reg_convs.1.gn.bias': [8],
      'bbox_head.reg_convs.1.gn.weight': [8],
      'bbox_head.conv_cls.bias': [2],
      'bbox_head.conv_reg.bias': [4],
      'bbox_head.conv_centerness.bias': [1],
      'bbox_head.scales.4.scale': [],
    };
    const ours = (tower: string): string[] => [
      `${cls}.conv.6/kernel`,
      `${reg}.conv.4/beta`,
      `${reg}.conv.4/gamma`,
      `${cls}.cls_logits/bias`,
      `${reg}.bbox_reg/bias`,
      `${tower}.bbox_ctrness/bias`,
      `${reg}.scales.4/scale`,
    ];
    expect(names(state)).toEqual(ours(cls));
    expect(names(state, { wanted: dict({ [`${reg}.bbox_ctrness/bias`]: [1] }) })).toEqual(ours(reg));
    for (const tower of [cls, reg])
      expect(
        shapesOf(
          toMmdet(
            dict(Object.fromEntries(ours(tower).map((path) => [path, path.endsWith('kernel') ? [3, 3, 8, 8] : [8]]))),
          ),
        ),
      ).toHaveProperty(['bbox_head.conv_centerness.bias']);
  });

  test('names of older versions', () => {
    expect(
      names({
        'bbox_head.fcos_cls.bias': [2],
        'bbox_head.fcos_reg.bias': [4],
        'bbox_head.fcos_centerness.bias': [1],
        'bbox_head.cls_convs.0.conv.weight': [4, 4, 3, 3],
      }),
    ).toEqual([`${cls}.cls_logits/bias`, `${reg}.bbox_reg/bias`, `${cls}.bbox_ctrness/bias`, `${cls}.conv.0/kernel`]);
    expect(
      names({
        'bbox_head.cls_convs.3.weight': [4, 4, 3, 3],
        'bbox_head.retina_cls.bias': [2],
        'bbox_head.retina_reg.bias': [4],
      }),
    ).toEqual([`${cls}.conv.3.0/kernel`, `${cls}.cls_logits/bias`, `${reg}.bbox_reg/bias`]);
  });

  const rpn = { 'rpn_head.rpn_conv.bias': [2], 'rpn_head.rpn_cls.weight': [3, 2, 1, 1], 'rpn_head.rpn_reg.bias': [12] };
  const second = {
    'fc_cls.weight': [3, 2],
    'fc_cls.bias': [3],
    'fc_reg.weight': [8, 2],
    'fc_reg.bias': [8],
    'shared_fcs.0.weight': [2, 8],
    'shared_fcs.1.bias': [2],
  };
  const under = (prefix: string, of: Record<string, number[]> = second): Record<string, number[]> =>
    Object.fromEntries(Object.entries(of).map(([name, shape]) => [`${prefix}.${name}`, shape]));

  test('Faster R-CNN: the background comes first, in weights and biases, with a box of zeros', () => {
    const state = { ...rpn, ...under('roi_head.bbox_head') };
    const { tensors, map } = importStateDict(dict(state));
    expect(map).toBe('mmdet-faster-rcnn');
    const predictor = 'roi_heads.box_predictor';
    expect(shapesOf(tensors)).toEqual({
      'rpn.head.conv.0.0/bias': [2],
      'rpn.head.cls_logits/kernel': [1, 1, 2, 3],
      'rpn.head.bbox_pred/bias': [12],
      [`${predictor}.cls_score/kernel`]: [2, 3],
      [`${predictor}.cls_score/bias`]: [3],
      [`${predictor}.bbox_pred/kernel`]: [2, 12],
      [`${predictor}.bbox_pred/bias`]: [12],
      'roi_heads.box_head.fc6/kernel': [8, 2],
      'roi_heads.box_head.fc7/bias': [2],
    });
    // Rows of the file are [0, 1], [2, 3] and, the background, [4, 5]; ours are columns.
    expect(valuesOf(tensors.get(`${predictor}.cls_score/kernel`))).toEqual([4, 0, 2, 5, 1, 3]);
    expect(valuesOf(tensors.get(`${predictor}.cls_score/bias`))).toEqual([2, 0, 1]);
    expect(valuesOf(tensors.get(`${predictor}.bbox_pred/bias`))).toEqual([0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
    expect(valuesOf(tensors.get(`${predictor}.bbox_pred/kernel`)).slice(0, 12)).toEqual([
      ...[0, 0, 0, 0],
      ...[0, 2, 4, 6, 8, 10, 12, 14],
    ]);
    // Two channels of 2 x 2: [c, y, x] in the file, [y, x, c] here.
    expect(valuesOf(tensors.get('roi_heads.box_head.fc6/kernel')).filter((_, i) => i % 2 === 0)).toEqual([
      0, 4, 1, 5, 2, 6, 3, 7,
    ]);
    const back = toMmdet(tensors);
    for (const [name, tensor] of dict(state))
      expect([name, back.get(name)!.shape, valuesOf(back.get(name))]).toEqual([name, tensor.shape, valuesOf(tensor)]);
    expect(back.size).toBe(Object.keys(state).length);
  });

  test('1.x has the background first already, in weights and biases alike', () => {
    const boxes = { 'fc_reg.weight': [12, 2], 'fc_reg.bias': [12] };
    const { tensors, map } = importStateDict(dict({ ...rpn, ...under('bbox_head', { ...second, ...boxes }) }));
    expect(map).toBe('mmdet1-faster-rcnn');
    expect(valuesOf(tensors.get('roi_heads.box_predictor.cls_score/bias'))).toEqual([0, 1, 2]);
    expect(valuesOf(tensors.get('roi_heads.box_predictor.cls_score/kernel'))).toEqual([0, 2, 4, 1, 3, 5]);
    // Under today's names: classes rotated, the first four rows of boxes gone, and nothing of the RPN moved.
    const now = toMmdet(tensors);
    const head = 'roi_head.bbox_head';
    expect(valuesOf(now.get(`${head}.fc_cls.weight`))).toEqual([2, 3, 4, 5, 0, 1]);
    expect(valuesOf(now.get(`${head}.fc_cls.bias`))).toEqual([1, 2, 0]);
    expect(valuesOf(now.get(`${head}.fc_reg.weight`))).toEqual(Array.from({ length: 16 }, (_, i) => i + 8));
    expect(valuesOf(now.get(`${head}.fc_reg.bias`))).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
    expect(valuesOf(now.get('rpn_head.rpn_cls.weight'))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('Cascade R-CNN, now and 1.x: a head a stage, one box for all classes', () => {
    const stage = { ...second, 'fc_reg.weight': [4, 2], 'fc_reg.bias': [4] };
    const of = (prefix: string) => ({ ...rpn, ...under(`${prefix}.0`, stage), ...under(`${prefix}.2`, stage) });
    const { tensors, map } = importStateDict(dict(of('roi_head.bbox_head')));
    expect(map).toBe('mmdet-cascade-rcnn');
    expect(valuesOf(tensors.get('roi_heads.2.box_predictor.cls_score/bias'))).toEqual([2, 0, 1]);
    expect(valuesOf(tensors.get('roi_heads.2.box_predictor.bbox_pred/bias'))).toEqual([0, 1, 2, 3]);
    expect(valuesOf(tensors.get('roi_heads.2.box_head.fc6/kernel'))[2]).toBe(4);
    const old = importStateDict(dict(of('bbox_head')));
    expect(old.map).toBe('mmdet1-cascade-rcnn');
    expect(valuesOf(old.tensors.get('roi_heads.0.box_predictor.cls_score/bias'))).toEqual([0, 1, 2]);
    expect([...old.tensors.keys()]).toEqual([...tensors.keys()]);
  });

  test('a cascade with a box a class; of one class, where the file leaves it open, the model says', () => {
    const state = (classes: number, boxes: number) => ({
      ...rpn,
      ...under('roi_head.bbox_head.1', { 'fc_cls.bias': [classes + 1], 'fc_reg.bias': [boxes] }),
    });
    const path = 'roi_heads.1.box_predictor.bbox_pred/bias';
    const boxes = (of: Record<string, number[]>, wanted?: number): number[] => {
      const options = wanted === undefined ? {} : { wanted: dict({ [path]: [wanted] }) };
      const { tensors } = importStateDict(dict(of), options);
      expect(valuesOf(toMmdet(tensors).get('roi_head.bbox_head.1.fc_reg.bias'))).toEqual(
        valuesOf(dict(of).get('roi_head.bbox_head.1.fc_reg.bias')),
      );
      return valuesOf(tensors.get(path));
    };
    expect(boxes(state(2, 8))).toEqual([0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
    expect(boxes(state(1, 4))).toEqual([0, 1, 2, 3]);
    expect(boxes(state(1, 4), 8)).toEqual([0, 0, 0, 0, 0, 1, 2, 3]);
    const faster = { ...rpn, ...under('roi_head.bbox_head', { 'fc_cls.bias': [2], 'fc_reg.bias': [4] }) };
    const predicted = 'roi_heads.box_predictor.bbox_pred/bias';
    expect(importStateDict(dict(faster)).tensors.get(predicted)!.shape).toEqual([8]);
    const wanted = dict({ [predicted]: [4] });
    expect(importStateDict(dict(faster), { wanted }).tensors.get(predicted)!.shape).toEqual([4]);
  });

  test('a head with convolutions, an RPN of two', () => {
    const state = dict({
      'rpn_head.rpn_conv.0.conv.weight': [2, 2, 3, 3],
      'rpn_head.rpn_conv.1.conv.weight': [2, 2, 3, 3],
      'rpn_head.rpn_cls.bias': [3],
      'roi_head.bbox_head.shared_convs.0.conv.weight': [4, 2, 3, 3],
      'roi_head.bbox_head.shared_convs.0.gn.weight': [4],
      'roi_head.bbox_head.shared_convs.1.bn.weight': [4],
      'roi_head.bbox_head.shared_convs.1.bn.running_mean': [4],
      'roi_head.bbox_head.shared_convs.1.conv.weight': [4, 4, 3, 3],
      'roi_head.bbox_head.shared_fcs.0.weight': [2, 16],
      'roi_head.bbox_head.fc_cls.bias': [3],
      'roi_head.mask_head.convs.0.conv.weight': [2, 2, 3, 3],
    });
    const { tensors, ignored } = importStateDict(state);
    expect([...tensors.keys()]).toEqual([
      'rpn.head.conv.0.0/kernel',
      'rpn.head.conv.1.0/kernel',
      'rpn.head.cls_logits/bias',
      'roi_heads.box_head.0.0/kernel',
      'roi_heads.box_head.0.1/gamma',
      'roi_heads.box_head.1.1/gamma',
      'roi_heads.box_head.1.1/moving_mean',
      'roi_heads.box_head.1.0/kernel',
      'roi_heads.box_head.3/kernel',
      'roi_heads.box_predictor.cls_score/bias',
    ]);
    expect(ignored.map(({ name }) => name)).toEqual(['roi_head.mask_head.convs.0.conv.weight']);
    state.delete('roi_head.mask_head.convs.0.conv.weight');
    expect(shapesOf(toMmdet(tensors))).toEqual(shapesOf(state));
  });

  test('averaged copies, constants and pixel statistics are left out, each with its reason', () => {
    const { ignored } = importStateDict(
      dict({
        'bbox_head.gfl_cls.bias': [2],
        'bbox_head.gfl_reg.bias': [2],
        'bbox_head.integral.project': [17],
        ema_bbox_head_gfl_cls_bias: [2],
        'data_preprocessor.mean': [3],
        steps: [],
      }),
    );
    expect(ignored.map(({ name, why }) => `${name}: ${why}`)).toEqual([
      expect.stringMatching(/^bbox_head.integral.project: .*constant/),
      expect.stringMatching(/^ema_bbox_head_gfl_cls_bias: .*averag/),
      expect.stringMatching(/^data_preprocessor.mean: .*pixels/),
      expect.stringMatching(/^steps: .*averaged/),
    ]);
  });
});

describe('backbones', () => {
  test("a ResNet of timm or torchvision; a deep stem, Caffe's biases", () => {
    const { tensors, ignored, foreign, map } = importStateDict(
      dict({
        'conv1.0.weight': [4, 3, 3, 3],
        'conv1.bias': [4],
        'layer1.0.conv1.weight': [4, 4, 3, 3],
        'layer1.0.conv2.weight': [4, 1, 3, 3],
        'layer1.0.downsample.2.weight': [4],
        'fc.weight': [10, 4],
      }),
    );
    expect(map).toBe('resnet');
    expect(shapesOf(tensors)).toEqual({
      'backbone.body.layer1.0.conv1/kernel': [3, 3, 4, 4],
      // Grouped, whatever the width of a group.
      'backbone.body.layer1.0.conv2/kernel': [3, 3, 1, 4],
      'conv1.0/kernel': [3, 3, 3, 4],
      'layer1.0.downsample.2/gamma': [4],
    });
    expect(ignored.map(({ name }) => name)).toEqual(['conv1.bias', 'fc.weight']);
    expect(foreign).toEqual([
      { name: 'conv1.0.weight', why: expect.stringContaining('deep stem') as string },
      { name: 'layer1.0.downsample.2.weight', why: expect.stringContaining('average pool') as string },
    ]);
  });

  test.each([
    ['mobilenet-v2', 'conv'],
    ['mobilenet-v3', 'block'],
  ])('%s: depthwise kernels as grouped ones, or as the model has them', (id, block) => {
    const state = { 'features.0.0.weight': [4, 3, 3, 3], [`features.1.${block}.0.0.weight`]: [4, 1, 3, 5] };
    const layer = `backbone.body.1.${block}.0.0`;
    const { tensors, map } = importStateDict(dict({ ...state, 'classifier.0.bias': [2] }));
    expect(map).toBe(id);
    expect(shapesOf(tensors)).toEqual({ 'backbone.body.0.0/kernel': [3, 3, 3, 4], [`${layer}/kernel`]: [3, 5, 1, 4] });
    const wanted = dict({ [`${layer}/depthwise_kernel`]: [3, 5, 4, 1] });
    const stock = importStateDict(dict(state), { wanted }).tensors;
    expect(stock.get(`${layer}/depthwise_kernel`)!.shape).toEqual([3, 5, 4, 1]);
    for (const ours of [tensors, stock]) {
      const kernel = [...ours.values()].at(-1)!;
      const at = (y: number, x: number, c: number): unknown => kernel.data[(y * 5 + x) * 4 + c];
      expect(at(2, 3, 1)).toBe(1 * 15 + 2 * 5 + 3);
      const back = exportStateDict(ours, id);
      expect(shapesOf(back)).toEqual(state);
      expect(valuesOf(back.get(`features.1.${block}.0.0.weight`))).toEqual(Array.from({ length: 60 }, (_, i) => i));
    }
  });
});

const golden = join(
  process.env['KD_GOLDEN'] ?? fileURLToPath(new URL('../../../../shared/golden', import.meta.url)),
  'mmdet',
);
describe.skipIf(!existsSync(golden))('real models of mmdetection', () => {
  const cases = existsSync(golden)
    ? readdirSync(golden).filter((name) => existsSync(join(golden, name, 'weights.safetensors')))
    : [];
  test.each(cases)('%s: every value there and back', async (name) => {
    const { tensors } = await readSafetensors(join(golden, name, 'weights.safetensors'));
    const found = importStateDict(tensors);
    expect(found.map).not.toBeNull();
    const back = toMmdet(found.tensors);
    const left = new Set(found.ignored.map((one) => one.name));
    const kept = [...tensors].filter(([key]) => !left.has(key));
    expect(back.size).toBe(kept.length);
    for (const [key, { shape, data }] of kept) {
      expect(back.get(key)?.shape, key).toEqual(shape);
      expect(Buffer.compare(bytesOf(back.get(key)!.data), bytesOf(data)), key).toBe(0);
    }
  });
});

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { readSafetensors } from './safetensors.js';
import { fromTorchvision, toTorchvision } from './torchvision.js';

const range = (...shape: number[]): HostTensor => {
  const count = shape.reduce((a, b) => a * b, 1);
  return { dtype: 'F32', shape, data: Float32Array.from({ length: count }, (_, i) => i) };
};
const dict = (shapes: Record<string, number[]>): Map<string, HostTensor> =>
  new Map(Object.entries(shapes).map(([key, shape]) => [key, range(...shape)]));
const bytesOf = ({ data }: HostTensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const shapesOf = (tensors: ReadonlyMap<string, HostTensor>): Record<string, readonly number[]> =>
  Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));

describe('from torchvision', () => {
  test('convolutions, linear layers and norms', () => {
    const ours = fromTorchvision(
      dict({
        'backbone.body.conv1.weight': [4, 3, 7, 5],
        'backbone.body.bn1.weight': [4],
        'backbone.body.bn1.bias': [4],
        'backbone.body.bn1.running_mean': [4],
        'backbone.body.bn1.running_var': [4],
        'backbone.body.bn1.num_batches_tracked': [],
        'head.regression_head.conv.0.1.weight': [4],
        'head.regression_head.conv.0.1.bias': [4],
        'head.regression_head.bbox_reg.weight': [36, 4, 3, 3],
        'head.regression_head.bbox_reg.bias': [36],
        'roi_heads.box_predictor.cls_score.weight': [5, 8],
        'roi_heads.box_predictor.cls_score.bias': [5],
        'scales.0.scale': [],
      }),
    );
    expect(shapesOf(ours)).toEqual({
      'backbone.body.conv1/kernel': [7, 5, 3, 4],
      'backbone.body.bn1/gamma': [4],
      'backbone.body.bn1/beta': [4],
      'backbone.body.bn1/moving_mean': [4],
      'backbone.body.bn1/moving_variance': [4],
      'head.regression_head.conv.0.1/gamma': [4],
      'head.regression_head.conv.0.1/beta': [4],
      'head.regression_head.bbox_reg/kernel': [3, 3, 4, 36],
      'head.regression_head.bbox_reg/bias': [36],
      'roi_heads.box_predictor.cls_score/kernel': [8, 5],
      'roi_heads.box_predictor.cls_score/bias': [5],
      'scales.0/scale': [],
    });
    const kernel = ours.get('backbone.body.conv1/kernel')!.data;
    const at = (y: number, x: number, i: number, o: number): unknown => kernel[((y * 5 + x) * 3 + i) * 4 + o];
    expect(at(6, 4, 1, 2)).toBe(((2 * 3 + 1) * 7 + 6) * 5 + 4);
    expect(at(0, 3, 2, 3)).toBe(((3 * 3 + 2) * 7 + 0) * 5 + 3);
  });

  test('a layer behind a flattened map reads height, width, channel', () => {
    const tensors = fromTorchvision(
      dict({ 'roi_heads.box_head.fc6.weight': [3, 2 * 49], 'roi_heads.box_head.fc7.weight': [3, 49] }),
    );
    const fc6 = tensors.get('roi_heads.box_head.fc6/kernel')!;
    expect(fc6.shape).toEqual([98, 3]);
    const [y, x, c, out] = [4, 2, 1, 2];
    expect(fc6.data[((y * 7 + x) * 2 + c) * 3 + out]).toBe(out * 98 + (c * 7 + y) * 7 + x);
    expect(tensors.get('roi_heads.box_head.fc7/kernel')!.data[5 * 3 + 1]).toBe(1 * 49 + 5);
  });

  test.each([
    ['two convolutions, other widths', { '0.0.weight': [6, 4, 3, 3], '1.0.weight': [5, 6, 3, 3] }, 3, [2, 45], 3],
    ['no convolution', {}, 1, [2, 36], 3],
    ['four convolutions of torchvision', { '3.0.weight': [4, 4, 3, 3] }, 5, [2, 196], 7],
  ])('a box head of %s: its first linear layer is behind the map, of whatever side', (_, convs, first, shape, side) => {
    const prefix = 'roi_heads.box_head.';
    const state = dict({
      ...Object.fromEntries(Object.entries(convs).map(([key, of]) => [prefix + key, of])),
      [`${prefix}${first}.weight`]: shape,
      [`${prefix}${first + 2}.weight`]: [2, 2],
      'rpn.head.cls_logits.weight': [3, 4, 1, 1],
    });
    const ours = fromTorchvision(state);
    const { data } = ours.get(`${prefix}${first}/kernel`)!;
    const channels = shape[1]! / side ** 2;
    const [y, x, c, out] = [side - 1, 1, channels - 2, 1];
    expect(data[((y * side + x) * channels + c) * 2 + out]).toBe(out * shape[1]! + (c * side + y) * side + x);
    expect(ours.get(`${prefix}${first + 2}/kernel`)!.data[1]).toBe(2);
    expect(toTorchvision(ours)).toEqual(state);
  });

  test('RetinaNet before 0.13, behind a wrapper', () => {
    const ours = fromTorchvision(
      dict({
        'module.backbone.fpn.inner_blocks.2.weight': [4, 8, 1, 1],
        'module.backbone.fpn.layer_blocks.0.bias': [4],
        'module.backbone.fpn.extra_blocks.p6.weight': [4, 4, 3, 3],
        'module.head.classification_head.conv.0.weight': [4, 4, 3, 3],
        'module.head.classification_head.conv.0.bias': [4],
        'module.head.classification_head.conv.6.weight': [4, 4, 3, 3],
        'module.head.classification_head.cls_logits.bias': [4],
      }),
    );
    expect([...ours.keys()]).toEqual([
      'backbone.fpn.inner_blocks.2.0/kernel',
      'backbone.fpn.layer_blocks.0.0/bias',
      'backbone.fpn.extra_blocks.p6/kernel',
      'head.classification_head.conv.0.0/kernel',
      'head.classification_head.conv.0.0/bias',
      'head.classification_head.conv.3.0/kernel',
      'head.classification_head.cls_logits/bias',
    ]);
  });

  test('Faster R-CNN before 0.13', () => {
    const ours = fromTorchvision(
      dict({ 'rpn.head.conv.weight': [4, 4, 3, 3], 'roi_heads.box_predictor.cls_score.bias': [3] }),
    );
    expect([...ours.keys()]).toEqual(['rpn.head.conv.0.0/kernel', 'roi_heads.box_predictor.cls_score/bias']);
  });

  test('FCOS numbers its head in threes and keeps that', () => {
    const ours = fromTorchvision(
      dict({
        'head.regression_head.conv.0.weight': [4, 4, 3, 3],
        'head.regression_head.conv.0.bias': [4],
        'head.regression_head.conv.1.weight': [4],
        'head.regression_head.conv.1.bias': [4],
        'head.regression_head.conv.6.weight': [4, 4, 3, 3],
        'head.classification_head.cls_logits.bias': [3],
        'head.regression_head.bbox_ctrness.bias': [1],
      }),
    );
    expect([...ours.keys()]).toEqual([
      'head.regression_head.conv.0/kernel',
      'head.regression_head.conv.0/bias',
      'head.regression_head.conv.1/gamma',
      'head.regression_head.conv.1/beta',
      'head.regression_head.conv.6/kernel',
      'head.classification_head.cls_logits/bias',
      'head.regression_head.bbox_ctrness/bias',
    ]);
  });

  test('a classifier becomes a backbone', () => {
    const ours = fromTorchvision(
      dict({
        'conv1.weight': [4, 3, 7, 7],
        'bn1.weight': [4],
        'layer1.0.conv1.weight': [4, 4, 3, 3],
        'fc.weight': [10, 4],
        'fc.bias': [10],
      }),
    );
    expect([...ours.keys()]).toEqual([
      'backbone.body.conv1/kernel',
      'backbone.body.bn1/gamma',
      'backbone.body.layer1.0.conv1/kernel',
    ]);
  });

  test('two keys of one name are refused, a weight of no known layer stays as it is', () => {
    expect(() => fromTorchvision(dict({ 'a.weight': [1, 1], 'module.a.weight': [1, 1] }))).toThrow(
      /"a.weight" and "module.a.weight" are both a.weight/,
    );
    expect(shapesOf(fromTorchvision(dict({ 'a.weight': [1, 2, 1] })))).toEqual({ 'a/weight': [1, 2, 1] });
  });

  test('there and back', () => {
    const state = dict({
      'backbone.body.conv1.weight': [4, 3, 2, 5],
      'bn.weight': [4],
      'bn.bias': [4],
      'bn.running_mean': [4],
      'bn.running_var': [4],
      'roi_heads.box_head.fc6.weight': [3, 98],
      'roi_heads.box_head.fc6.bias': [3],
      'x.weight': [2, 6],
      scale: [],
    });
    expect(toTorchvision(fromTorchvision(state))).toEqual(state);
  });
});

const shared = fileURLToPath(new URL('../../../../shared/', import.meta.url));

describe.skipIf(!existsSync(join(shared, 'spec/state-dicts')))('published key lists', () => {
  const folder = join(shared, 'spec/state-dicts');
  test.each(existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.txt')) : [])('%s', (name) => {
    const state = new Map<string, HostTensor>();
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      const match = /^(\S+) (scalar|\d+(?:x\d+)*)/.exec(line);
      if (match === null) continue;
      const shape = match[2] === 'scalar' ? [] : match[2]!.split('x').map(Number);
      // One byte an element: the layout is the point here, not the numbers.
      state.set(match[1]!, { dtype: 'U8', shape, data: new Uint8Array(shape.reduce((a, b) => a * b, 1)) });
    }
    expect(state.size).toBeGreaterThan(50);
    const ours = fromTorchvision(state);
    const kept = [...state.keys()].filter((key) => !key.endsWith('num_batches_tracked') && !key.startsWith('fc.'));
    expect(ours.size).toBe(kept.length);
    for (const path of ours.keys())
      expect(path).toMatch(
        /^(backbone|head|rpn|roi_heads)\.\S+\/(kernel|bias|gamma|beta|moving_mean|moving_variance)$/,
      );
    for (const [path, { shape }] of ours) expect(shape.length === 1, path).toBe(!path.endsWith('/kernel'));
    const back = toTorchvision(ours);
    for (const key of kept)
      expect(back.get(state.has('fc.weight') ? `backbone.body.${key}` : key)?.shape, key).toEqual(
        state.get(key)!.shape,
      );
  });
});

const detectors = join(process.env['KD_GOLDEN'] ?? join(shared, 'golden'), 'detectors');

describe.skipIf(!existsSync(detectors))('golden weights', () => {
  const names = existsSync(detectors)
    ? readdirSync(detectors).filter((name) => existsSync(join(detectors, name, 'weights.safetensors')))
    : [];
  test.each(names)('%s there and back', async (name) => {
    const { tensors } = await readSafetensors(join(detectors, name, 'weights.safetensors'));
    const back = toTorchvision(fromTorchvision(tensors));
    const kept = new Map([...tensors].filter(([key]) => !key.endsWith('num_batches_tracked')));
    expect(back.size).toBe(kept.size);
    for (const [key, tensor] of kept) {
      const other = back.get(key)!;
      expect([other.dtype, ...other.shape], key).toEqual([tensor.dtype, ...tensor.shape]);
      expect(Buffer.compare(bytesOf(other), bytesOf(tensor)), key).toBe(0);
    }
  });

  test.skipIf(!existsSync(join(detectors, 'pth/odd_tensors.safetensors')))(
    'odd tensors of another writer',
    async () => {
      const { tensors } = await readSafetensors(join(detectors, 'pth/odd_tensors.safetensors'));
      expect(tensors.get('scalar')!.shape).toEqual([]);
      expect(tensors.get('empty')).toMatchObject({ shape: [0, 4], data: new Float32Array(0) });
    },
  );
});

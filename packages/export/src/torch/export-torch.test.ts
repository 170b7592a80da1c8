import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildDetector, type Detector, type DetectorDefinition, type Use } from '@kd/core';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { exportTorch } from './export-torch.js';
import type { TorchFamily } from './torch-config.js';

beforeAll(async () => void (await tf.setBackend('cpu')));

const categories = (count: number) => Array.from({ length: count }, (_, id) => ({ id, name: `class ${id}` }));
const made = (use: Use<DetectorDefinition>, classes = 2): Detector =>
  buildDetector(use, { categories: categories(classes), seed: 1 }).detector;

async function exported(detector: Detector, family: TorchFamily): ReturnType<typeof exportTorch> {
  try {
    return await exportTorch(detector, family);
  } finally {
    detector.dispose();
  }
}

const tiny = { backbone: { block: 'basic' as const, layers: [1, 1, 1, 1], width: 8 }, fpnChannels: 8 };

describe('what has no counterpart is told with its reason', () => {
  const groups = { head: { groups: 4 } };
  test.each<readonly [TorchFamily, () => Use<DetectorDefinition>, RegExp]>([
    [
      'torchvision',
      () => gfl({ ...tiny, ...groups }),
      /this gfl .* in torchvision: torchvision has RetinaNet, FCOS and Faster R-CNN\. Export it to mmdet/,
    ],
    ['torchvision', () => cascadeRcnn(tiny), /this cascade-rcnn .*Export it to mmdet, or to ONNX/],
    ['torchvision', () => retinanet({ ...tiny, flavour: 'mmdet' }), /decodes boxes as mmdetection does/],
    ['torchvision', () => retinanet({ ...tiny, extra: 'p6_from_p5' }), /P6 without P7/],
    ['torchvision', () => retinanet({ ...tiny, reluBeforeP7: false }), /its P7 reads P6 as it is/],
    ['torchvision', () => retinanet({ ...tiny, input: { channels: 'bgr' } }), /reads blue first/],
    ['torchvision', () => retinanet({ ...tiny, input: { resize: 'mmdet' } }), /resized as mmdetection does/],
    ['torchvision', () => fcos({ ...tiny, head: { groups: 4, convBias: false } }), /towers have no bias/],
    [
      'torchvision',
      () => fasterRcnn({ ...tiny, box: { classAgnostic: true, representationSize: 8 } }),
      /one box serves all classes/,
    ],
    [
      'torchvision',
      () => fasterRcnn({ ...tiny, roi: { aligned: true }, box: { representationSize: 8 } }),
      /roi\.aligned/,
    ],
    ['mmdet', () => retinanet(tiny), /limits are torchvision's .*Export it to torchvision, or to ONNX/],
    [
      'mmdet',
      () =>
        retinanet({
          ...tiny,
          flavour: 'mmdet',
          extra: 'none',
          anchors: {
            sizes: [
              [8, 16],
              [16, 24],
              [32, 64],
            ],
          },
        }),
      /differ from level to level/,
    ],
    [
      'mmdet',
      () => fasterRcnn({ ...tiny, flavour: 'mmdet', rpn: { scoreThresh: 0.1 }, box: { representationSize: 8 } }),
      /threshold of scores/,
    ],
    [
      'mmdet',
      () =>
        fasterRcnn({ ...tiny, flavour: 'mmdet', fpnNorm: true, extra: 'p6_from_p5', box: { representationSize: 8 } }),
      /P6 has no norm/,
    ],
    [
      'mmdet',
      () =>
        fasterRcnn({ ...tiny, flavour: 'mmdet', box: { head: 'conv_fc', convLayers: [8, 16], representationSize: 8 } }),
      /8, 16 wide/,
    ],
  ])('%s %#', async (family, use, message) => {
    await expect(exported(made(use()), family)).rejects.toThrow(message);
  });

  test('a detector of somebody else under a name of ours, and one under its own', async () => {
    const detector = made(retinanet(tiny));
    await expect(exportTorch({ ...detector, config: { norm: 'group' } }, 'torchvision')).rejects.toThrow(
      /its options are not those of the retinanet here \(backbone\)/,
    );
    await expect(exported({ ...detector, name: 'mine' }, 'mmdet')).rejects.toThrow(/this mine has no counterpart/);
  });
});

const folder = fileURLToPath(new URL('../../../../../shared/spec/state-dicts/', import.meta.url));
/** As in the test of weights: networks of an eighth of the published widths. */
const eighth = (side: number): number => (side % 64 === 0 && side !== 320 ? side / 8 : side);
const r50 = { backbone: { block: 'bottleneck' as const, layers: [3, 4, 6, 3], width: 8 }, fpnChannels: 32 };
const box = { box: { representationSize: 128 } };

describe.skipIf(!existsSync(folder))('names and shapes of whole state dicts, buffers included (../shared)', () => {
  test.each<readonly [string, TorchFamily, () => Use<DetectorDefinition>, number]>([
    ['retinanet_resnet50_fpn_v2', 'torchvision', () => retinanet({ ...r50, version: 2 }), 91],
    ['fasterrcnn_resnet50_fpn', 'torchvision', () => fasterRcnn({ ...r50, ...box, version: 1 }), 90],
    ['fcos_resnet50_fpn', 'torchvision', () => fcos({ ...r50, norm: 'frozen' }), 91],
    ['mmdet/retinanet_r50', 'mmdet', () => retinanet({ ...r50, norm: 'eval', flavour: 'mmdet' }), 80],
    ['mmdet/fcos_r50_gn', 'mmdet', () => fcos({ ...r50, norm: 'frozen', flavour: 'mmdet' }), 80],
    ['mmdet/atss_r50', 'mmdet', () => atss({ ...r50, norm: 'eval' }), 80],
    ['mmdet/gfl_r50', 'mmdet', () => gfl({ ...r50, norm: 'frozen' }), 80],
    ['mmdet/faster_rcnn_r50', 'mmdet', () => fasterRcnn({ ...r50, ...box, norm: 'frozen', flavour: 'mmdet' }), 80],
    ['mmdet/cascade_rcnn_r50', 'mmdet', () => cascadeRcnn({ ...r50, ...box, norm: 'frozen', flavour: 'mmdet' }), 80],
  ])('%s', async (file, family, use, classes) => {
    const listed = readFileSync(join(folder, `${file}.txt`), 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, name, sides] = /^(\S+) (scalar|\d+(?:x\d+)*)/.exec(line) ?? [];
        if (name === undefined) return [];
        return [[name, sides === 'scalar' ? [] : sides!.split('x').map(Number).map(eighth)] as const];
      });
    expect(listed.length).toBeGreaterThan(100);
    const { tensors } = await exported(made(use(), classes), family);
    expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(
      Object.fromEntries(listed),
    );
    for (const [name, { dtype }] of tensors) expect(dtype, name).toBe(name.endsWith('_tracked') ? 'I64' : 'F32');
  });
});

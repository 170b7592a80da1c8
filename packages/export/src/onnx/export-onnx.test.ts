import '@tensorflow/tfjs-backend-cpu';
import { efficientnetLite } from '@kd/backbone-efficientnet-lite';
import { mobilenetV2, mobilenetV3Small } from '@kd/backbone-mobilenet';
import type { Detector, DetectorDefinition } from '@kd/core';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { test } from 'vitest';
import { compare } from '../../test/compare.js';
import { drawn, tiny } from '../../test/detectors.js';

const definitions = { gfl, atss, fcos, retinanet } as unknown as Record<
  string,
  { readonly definition: DetectorDefinition<never> }
>;
const made = (name: string, options: object, seed?: number): Detector =>
  drawn(definitions[name]!.definition, { ...tiny, ...options }, seed);

const resnext = { block: 'bottleneck', layers: [1, 1, 1, 1], width: 8, groups: 4, widthPerGroup: 16 };

test.each<[string, object]>([
  ['gfl', {}],
  ['gfl', { post: { scoreThresh: 0.3, nmsThresh: 0.3, topkCandidates: 20, detectionsPerImg: 7 } }],
  ['atss', {}],
  ['fcos', {}],
  ['fcos', { flavour: 'mmdet' }],
  ['fcos', { flavour: 'mmdet', head: { depth: 1, groups: 2, normOnBbox: true, centerness: 'reg' } }],
  ['retinanet', {}],
  ['retinanet', { flavour: 'mmdet' }],
  ['retinanet', { version: 1, head: { depth: 2 } }],
  ['retinanet', { norm: 'live', extra: 'maxpool', returnedLayers: [1, 2, 3, 4] }],
  [
    'retinanet',
    {
      norm: 'eval',
      extra: 'none',
      input: { fixedSize: [64, 96], channels: 'bgr', range: 255, mean: [100, 110, 120], std: [50, 60, 70] },
    },
  ],
  ['retinanet', { norm: 'frozen', backbone: resnext }],
  ['gfl', { norm: 'frozen', backbone: mobilenetV2({}) }],
  ['gfl', { norm: 'live', backbone: mobilenetV3Small({}) }],
  ['gfl', { norm: 'frozen', backbone: efficientnetLite({}) }],
])('%s, case %#: the maps and detections of the detector', async (name, options) => {
  const detector = made(name, options);
  await compare(detector, [64, 96]);
  detector.dispose();
});

// The small detectors that lie here, each from some epochs of BCCD's 205 training images, its last weights as float16:
//   KD_KIND=atss kd train train.config.ts --epochs 4, or KD_KIND=cascade-rcnn and 3; kd convert RUN FILE --half
// sha256 of atss.safetensors: 57fce0dcc8abca2709412b07d3d1894cf6901b6ff0c22f317f3066dde38dabe3,
// of cascade-rcnn.safetensors: 719c349a5b0951cb8b0468808bb864c8331d74a9c5a79a400766d1b148d12176.
import { type Config, defineConfig } from '@kd/core';

const common = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 },
  norm: 'group',
  returnedLayers: [1, 2, 3],
  fpnChannels: 32,
  extra: 'none',
  input: { fixedSize: [120, 160] },
};
const kinds: Readonly<Record<string, Config['student']>> = {
  atss: ['atss', { ...common, head: { depth: 2, groups: 8 }, anchorScale: 4 }],
  'cascade-rcnn': [
    'cascade-rcnn',
    {
      ...common,
      anchors: { sizes: [[10], [25], [45]] },
      box: { representationSize: 32 },
      rpn: { preNmsTopN: 200, postNmsTopN: 100, batchSize: 128 },
      roi: { batchSize: 64, canonicalScale: 56 },
    },
  ],
};

export default defineConfig({
  student: kinds[process.env['KD_KIND'] ?? 'atss']!,
  seed: 0,
  epochs: 4,
  batchSize: 8,
  optimizer: { name: 'adamw', lr: 2e-3, weightDecay: 1e-4 },
  schedule: { kind: 'cosine', warmup: { steps: 20 } },
  clipNorm: 5,
  data: {
    train: {
      format: 'voc',
      root: process.env['KD_DATA'] ?? '',
      split: 'train',
      classes: ['RBC', 'WBC', 'Platelets'],
      name: 'bccd-train',
    },
    augment: [{ name: 'flip' }],
  },
});

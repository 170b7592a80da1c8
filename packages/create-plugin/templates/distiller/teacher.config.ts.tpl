import { defineConfig } from '@kd/core';

/** What teacher and student share: pictures that are drawn when they are wanted, of shapes that a network of a few channels learns in minutes. */
const detector = {
  norm: 'group',
  fpnChannels: 32,
  extra: 'none',
  head: { depth: 1, groups: 8 },
  input: { fixedSize: [96, 96] },
  anchors: { sizes: [[16], [32], [64]] },
};
const pictures = { format: 'synthetic', size: 96, sizes: [20, 60], classes: ['striped-disk', 'speckled-ring'] };
export const small = (width: number): [string, Record<string, unknown>] => [
  'retinanet',
  { ...detector, backbone: { block: 'basic', layers: [1, 1, 1, 1], width } },
];

export default defineConfig({
  student: small(32),
  data: {
    train: { ...pictures, images: 400, seed: 1 },
    val: { ...pictures, images: 40, seed: 2 },
    augment: [{ name: 'flip' }],
  },
  epochs: 4,
  batchSize: 8,
  optimizer: { name: 'adamw', lr: 2e-3, weightDecay: 1e-4 },
  log: { every: 10 },
});

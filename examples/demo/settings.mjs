// Every number of the demo. Steps are fixed, so that a slow machine learns the same in more time.

/** Pictures that are drawn when they are wanted: textured shapes that hide each other. */
const pictures = { format: 'synthetic', size: 96, sizes: [12, 48], objects: [2, 6] };
export const data = {
  train: { ...pictures, name: 'synthetic-train', images: 480, seed: 1 },
  val: { ...pictures, name: 'synthetic-val', images: 120, seed: 2 },
  augment: [{ name: 'flip' }],
  workers: 1,
};

/** Both models see the same input, and their necks have the same channels, so that features compare cell by cell. */
const common = {
  norm: 'group',
  fpnChannels: 64,
  extra: 'none',
  input: { fixedSize: [96, 96] },
  anchors: { sizes: [[12, 16, 20], [24, 30, 38], [48, 60, 76]] },
};
export const teacher = ['retinanet', { ...common, backbone: { block: 'basic', layers: [2, 2, 2, 2], width: 32 }, head: { depth: 2 } }];
export const student = ['retinanet', { ...common, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 }, head: { depth: 1 } }];

/** How the student is taught. */
export const distillers = [['ssim', { weight: 4 }]];

/** 480 images in batches of 8 are 60 steps an epoch: 480 steps for the teacher, 240 for each student. */
export const batchSize = 8;
export const epochs = { teacher: 8, student: 4 };

export const training = {
  optimizer: { name: 'adamw', lr: 1e-3, weightDecay: 1e-4 },
  schedule: { kind: 'cosine', warmup: { steps: 30 } },
  clipNorm: 5,
};

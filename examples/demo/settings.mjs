// Every number of the demo. Steps are fixed, so that a slow machine learns the same in more time.

/** Pictures that are drawn when they are wanted: textured shapes that hide each other. */
const pictures = {
  format: 'synthetic',
  classes: ['striped-disk', 'speckled-ring'],
  size: 96,
  sizes: [20, 60],
  objects: [1, 4],
};
export const data = {
  train: { ...pictures, name: 'synthetic-train', images: 800, seed: 1 },
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
  anchors: {
    sizes: [
      [12, 16, 20],
      [24, 30, 38],
      [48, 60, 76],
    ],
  },
};
export const teacher = [
  'retinanet',
  { ...common, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 32 }, head: { depth: 1 } },
];
export const student = [
  'retinanet',
  { ...common, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 }, head: { depth: 1 } },
];

/** How the student is taught. */
export const distillers = [['ssim', { weight: 4 }]];

/** The ways that are compared. Where two train at once, the longest begins first. */
export const methods = {
  alone: {},
  prototypes: { distillers: ['prototype'] },
  crosskd: { distillers: ['crosskd'] },
  ssim: { distillers },
};

/** 800 images in batches of 16 are 50 steps an epoch: 400 steps for the teacher, 200 for each student. */
export const batchSize = 16;
export const epochs = { teacher: 8, student: 4 };

export const training = {
  optimizer: { name: 'adamw', lr: 2e-3, weightDecay: 1e-4 },
  schedule: { kind: 'cosine', warmup: { steps: 30 } },
  clipNorm: 5,
};

// What the study and the configs of this folder share: BCCD (364 microscope images of blood, three classes) at 320x240.
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/bccd.study.ts             # all of it: which method pays
//   KD_DATA=/path/to/bccd pnpm kd train examples/bccd/teacher.config.ts          # runs/teacher; may be left out: its
// weights lie here
//   KD_DATA=/path/to/bccd pnpm kd train examples/bccd/student-ssim.config.ts     # runs/student-ssim
//
// KD_DATA_FORMAT=coco reads the COCO files instead of the VOC ones, KD_SEED=1 is another seed, KD_TEACHER another
// teacher.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Config, KdError } from '@kd/core';

const format = process.env.KD_DATA_FORMAT ?? 'voc';
if (format !== 'voc' && format !== 'coco')
  throw new KdError('CONFIG_INVALID', `KD_DATA_FORMAT is ${format}; it must be voc or coco.`);

export const root = resolve(process.env.KD_DATA ?? 'data');
const wanted = join(root, format === 'voc' ? 'ImageSets/Main/train.txt' : 'annotations/instances_train.json');
if (!existsSync(wanted))
  throw new KdError(
    'CONFIG_INVALID',
    `BCCD was not found: there is no ${wanted}. Set KD_DATA to the folder with its Annotations, ImageSets and JPEGImages (github.com/Shenggan/BCCD_Dataset, folder BCCD), or put it into ./data; KD_DATA_FORMAT=coco reads annotations/instances_*.json instead.`,
  );

const classes = ['RBC', 'WBC', 'Platelets'];

/** One split; `test` is for `kd eval` alone. */
export const split = (name: 'train' | 'val' | 'test') =>
  format === 'voc'
    ? { format, root, split: name, classes, name: `bccd-${name}` }
    : {
        format,
        annotations: join(root, 'annotations', `instances_${name}.json`),
        images: join(root, 'JPEGImages'),
        name: `bccd-${name}`,
      };

/** Both models see the same input, and their necks have the same channels, so that features compare cell by cell. */
const shared = {
  norm: 'group',
  fpnChannels: 64,
  extra: 'none',
  input: { fixedSize: [240, 320] },
  anchors: {
    sizes: [
      [16, 20, 25],
      [32, 40, 50],
      [64, 80, 101],
    ],
  },
};

export const teacher: Config['student'] = [
  'retinanet',
  { ...shared, backbone: { block: 'basic', layers: [2, 2, 2, 2], width: 32 }, head: { depth: 2 } },
];
export const student: Config['student'] = [
  'retinanet',
  { ...shared, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 }, head: { depth: 1 } },
];

/** A run folder or a checkpoint: the teacher that was trained here, or the one of docs/results.md. */
export const weights = resolve(
  process.env.KD_TEACHER ??
    (existsSync('runs/teacher/summary.json') ? 'runs/teacher' : join(import.meta.dirname, 'teacher.safetensors')),
);

export const training = {
  seed: Number(process.env.KD_SEED ?? 0),
  data: { train: split('train'), val: split('val'), augment: [{ name: 'flip' }] },
  batchSize: 8,
  optimizer: { name: 'adamw', lr: 1e-3, weightDecay: 1e-4 },
  schedule: { kind: 'cosine', warmup: { steps: 50 } },
  clipNorm: 5,
  evaluate: { every: 10 },
} satisfies Partial<Config>;

export const epochs = { teacher: 40, student: 20 };

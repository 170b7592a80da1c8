// What the configs of this folder share: the student of ../common.ts on smaller images, in half of its steps, alone or
// taught by networks of others that never saw blood.
//
//   KD_DATA=/path/to/bccd pnpm kd train examples/bccd/foreign/alone.config.ts
//   KD_DATA=/path/to/bccd KD_ONNX=lite0.onnx pnpm kd train examples/bccd/foreign/onnx.config.ts   # lite0.py writes it
//   KD_DATA=/path/to/bccd KD_TFJS=centernet.json pnpm kd train examples/bccd/foreign/tfjs.config.ts
//
// KD_SEED=1 is another seed, KD_WEIGHT=1 another weight of the method than PKD's own, 10.
import type { Config } from '@kd/core';
import { student as larger, training as longer } from '../common.js';

const [name, options] = larger as [string, Readonly<Record<string, unknown>>];

/** Height and width of images for the student. */
export const size: [number, number] = [192, 256];

export const student: Config['student'] = [name, { ...options, input: { fixedSize: size } }];

export const training = { ...longer, epochs: 10 } satisfies Partial<Config>;

/** Channels differ, so that the student's maps go through an adapter. */
export const method: [string, Record<string, unknown>] = [
  'pkd',
  { adapter: 'conv1x1', weight: Number(process.env.KD_WEIGHT ?? 10) },
];

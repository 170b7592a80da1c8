import { synthetic } from '@kd/data';
import * as demo from '../demo/settings.mjs';

/** The demo's pictures, fewer of them: an epoch is 20 steps. */
const { format: _, ...train } = demo.data.train;
const { format: __, ...val } = demo.data.val;
export const pictures = { train: synthetic({ ...train, images: 320 }), val: synthetic({ ...val, images: 48 }) };

export const EPOCHS = 10;

export type Method = 'ssim' | 'alone';

import { defineStudy } from '@kd/core';
import { tiny } from './tiny.js';

const [name, options] = tiny.student as [string, Record<string, unknown>];

/** For compare.test.ts. */
export default defineStudy({
  student: { ...tiny, ema: null, log: { every: 1 } },
  teachers: {
    big: { ...tiny, student: [name, { ...options, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 16 } }] },
  },
  variants: { alone: {}, ssim: { distillers: ['ssim'] } },
  seeds: [0, 1],
});

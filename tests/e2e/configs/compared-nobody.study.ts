import { defineStudy } from '@kd/core';
import compared from './compared.study.js';

/** Learns from somebody who is nowhere. */
export default defineStudy({
  ...compared,
  variants: { alone: {}, ssim: { distillers: ['ssim'], teacher: 'nobody' } },
});

// The demo with one method only.
import { defineStudy } from '@kd/core';
import study from './demo.study.mjs';

const { alone, ssim } = study.variants;
export default defineStudy({ ...study, variants: { alone, ssim } });

import { defineStudy } from '@kd/core';
import compared from './compared.study.js';

const { alone, ssim } = compared.variants;

/** A part of the study that it is made from, for what is killed and stopped. */
export default defineStudy({ ...compared, variants: { alone: alone!, ssim: ssim! } });

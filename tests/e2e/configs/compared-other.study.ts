import { defineStudy, type Config } from '@kd/core';
import compared from './compared.study.js';

const student = compared.student as Config;
const val = student.data.val as { format: string };

/** Other data and another option than those of the study that it is made from. */
export default defineStudy({
  ...compared,
  student: { ...student, data: { ...student.data, val: { ...val, images: 5 } } },
  variants: { ...compared.variants, ssim: { distillers: [['ssim', { weight: 2 }]] } },
});

import { defineConfig } from '@kd/core';
import { backbone, sgd, training } from './common.js';

/** Regions are pooled as the released code does it: half a pixel aligned, as many samples as the bin is large. */
export default defineConfig({
  ...training,
  student: ['faster-rcnn', { ...backbone, rpn: { postNmsTopN: 1000 }, roi: { aligned: true, samplingRatio: 0 } }],
  optimizer: sgd(0.02),
});

import { defineConfig } from '@kd/core';
import { backbone, sgd, training } from './common.js';

/**
 * The paper reports RetinaNet on VOC, but nothing was released for it: this is the recipe of Faster R-CNN at the rate
 * that mmdetection has for RetinaNet.
 */
export default defineConfig({
  ...training,
  student: ['retinanet', { ...backbone, flavour: 'mmdet' }],
  optimizer: sgd(0.01),
});

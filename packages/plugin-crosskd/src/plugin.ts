import { definePlugin, type Hooks, type PluginScope } from '@kd/core';
import { crossDense } from './dense-heads.js';
import { checkStages } from './check-stages.js';
import { type CrossKdInput, type CrossKdOptions, optionsSchema } from './options.js';
import { crossRegions } from './second-stages.js';

/**
 * Cross-head distillation: the student's half-way features go through the rest of the teacher's head, and what comes
 * out learns from the
 * teacher's own predictions. Wang et al., "CrossKD: Cross-Head Knowledge Distillation for Object Detection", CVPR 2024.
 */
export const crosskd = definePlugin<CrossKdOptions, CrossKdInput>({
  name: 'crosskd',
  apiVersion: 1,
  options: optionsSchema,
  requires: { student: ['head.staged'], teacher: ['head.staged'] },
  otherClasses: true,
  create: (scope: PluginScope, options: CrossKdOptions): Hooks =>
    checkStages(scope, options) === 'regions' ? crossRegions(scope, options) : crossDense(scope, options),
});

export default crosskd;

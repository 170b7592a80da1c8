import {
  definePlugin,
  type Hooks,
  type NeckPair,
  neckPairs,
  pairMaps,
  type PluginScope,
  type StepView,
} from '@kd/core';
import { levelsLoss } from './pkd-levels.js';
import { optionsSchema, type PkdPluginInput, type PkdPluginOptions } from './settings.js';

/**
 * Pearson feature imitation: the student's neck learns which way the teacher's channels vary, not how strongly.
 * Cao et al., "PKD: General Distillation Framework for Object Detectors via Pearson Correlation Coefficient", NeurIPS
 * 2022.
 */
export const pkd = definePlugin<PkdPluginOptions, PkdPluginInput>({
  name: 'pkd',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

export default pkd;

function create(scope: PluginScope, options: PkdPluginOptions): Hooks {
  const twoStage = scope.student.capabilities.has('roi.align');
  const settings = { ...options, weight: options.weight ?? (twoStage ? 6 : 10) };
  let pairs: readonly NeckPair[] = [];

  return {
    settled: { weight: settings.weight },

    featureTap(requests) {
      // P2 to P5 are the four levels of the published two-stage setting.
      pairs = neckPairs(scope, requests, {
        taps: options.taps,
        adapter: options.adapter === 'conv1x1' ? {} : null,
        pooled: false,
      });
    },

    lossCompose(step: StepView) {
      const { students, teachers } = pairMaps(step, pairs);
      return { feat: levelsLoss(students, teachers, settings, { adapters: pairs.map(({ adapter }) => adapter) }) };
    },
  };
}

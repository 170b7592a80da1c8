import { type Adapter, createAdapter, definePlugin, type Hooks, type PluginScope, type StepView, type TapPair } from '@kd/core';
import { levelsLoss } from './pkd-levels.js';
import { optionsSchema, type PkdPluginInput, type PkdPluginOptions } from './settings.js';

/**
 * Pearson feature imitation: the student's neck learns which way the teacher's channels vary, not how strongly.
 * Cao et al., "PKD: General Distillation Framework for Object Detectors via Pearson Correlation Coefficient", NeurIPS 2022.
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
  const taps = options.taps ?? (twoStage ? withoutPooled(scope) : 'neck@*');
  let pairs: readonly TapPair[] = [];
  let adapters: readonly (Adapter | null)[] = [];

  return {
    featureTap(requests) {
      pairs = options.adapter === 'conv1x1'
        ? requests.pair(taps, { channels: 'any' })
        : requests.pair(taps, { channels: 'equal', hint: "Set adapter: 'conv1x1' in the options of pkd: a trained 1x1 convolution from the student's channels to the teacher's." });
      adapters = pairs.map((pair) => (options.adapter === 'conv1x1' ? createAdapter(scope, pair.student.name, pair.student.channels, pair.teacher.channels) : null));
    },

    lossCompose(step: StepView) {
      const students = pairs.map((pair) => step.student.tap(pair.student));
      const teachers = pairs.map((pair) => step.teacher.tap(pair.teacher));
      return { feat: levelsLoss(students, teachers, settings, { adapters }) };
    },
  };
}

/** P2 to P5, the four levels of the published two-stage setting; the pooled one has stride 64. */
function withoutPooled({ student }: PluginScope): string | string[] {
  const names = student.taps.filter(({ name, stride }) => name.startsWith('neck@') && stride <= 32).map(({ name }) => name);
  return names.length > 0 ? names : 'neck@*';
}

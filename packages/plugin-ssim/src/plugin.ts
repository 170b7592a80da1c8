import { type Adapter, createAdapter, definePlugin, type Hooks, type PluginScope, type StepView, type TapPair } from '@kd/core';
import { insideImages } from './inside-images.js';
import { optionsSchema, type SsimPluginInput, type SsimPluginOptions } from './options.js';
import { levelsLoss } from './ssim-levels.js';

/**
 * Structural knowledge distillation: the student's neck learns the local structure of the teacher's, level by level.
 * De Rijk et al., "Structural Knowledge Distillation for Object Detection", NeurIPS 2022.
 */
export const ssim = definePlugin<SsimPluginOptions, SsimPluginInput>({
  name: 'ssim',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

export default ssim;

function create(scope: PluginScope, options: SsimPluginOptions): Hooks {
  const twoStage = scope.student.capabilities.has('roi.align');
  const settings = { ...options, weight: options.weight ?? defaultWeight(twoStage, options) };
  const taps = options.taps ?? (twoStage ? withoutPooled(scope) : 'neck@*');
  let pairs: readonly TapPair[] = [];
  let adapters: readonly (Adapter | null)[] = [];

  return {
    featureTap(requests) {
      pairs = options.adapter === 'conv1x1'
        ? requests.pair(taps, { channels: 'any' })
        : requests.pair(taps, { channels: 'equal', hint: "Set adapter: 'conv1x1' in the options of ssim: a trained 1x1 convolution from the student's channels to the teacher's." });
      adapters = pairs.map((pair) => (options.adapter === 'conv1x1' ? createAdapter(scope, pair.student.name, pair.student.channels, pair.teacher.channels) : null));
    },

    lossCompose(step: StepView) {
      const students = pairs.map((pair) => step.student.tap(pair.student));
      const teachers = pairs.map((pair) => step.teacher.tap(pair.teacher));
      const weights = options.maskPadding ? pairs.map((pair, i) => insideImages(students[i]!.shape, pair.stride, step.targets.imageSizes)) : undefined;
      return { feat: levelsLoss(students, teachers, settings, { adapters, ...(weights && { weights }) }) };
    },
  };
}

/** P2 to P5: the pooled level above them, of stride 64, holds nothing that the one below it does not. */
function withoutPooled({ student }: PluginScope): string | string[] {
  const names = student.taps.filter(({ name, stride }) => name.startsWith('neck@') && stride <= 32).map(({ name }) => name);
  return names.length > 0 ? names : 'neck@*';
}

/** The paper's best values are 2 and 4, for a loss of half the form `full`. */
const defaultWeight = (twoStage: boolean, { loss, form }: SsimPluginOptions): number => (twoStage ? 2 : 4) / (loss === 'ssim' && form === 'full' ? 2 : 1);

import {
  definePlugin,
  type Hooks,
  type NeckPair,
  neckPairs,
  pairMaps,
  type PluginScope,
  type StepView,
} from '@kd/core';
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
  let pairs: readonly NeckPair[] = [];

  return {
    settled: { weight: settings.weight },

    featureTap(requests) {
      pairs = neckPairs(scope, requests, {
        taps: options.taps,
        adapter: options.adapter === 'conv1x1' ? {} : null,
        pooled: false,
      });
    },

    lossCompose(step: StepView) {
      const { students, teachers } = pairMaps(step, pairs);
      const weights = options.maskPadding
        ? pairs.map((pair, i) => insideImages(students[i]!.shape, pair.stride, step.targets.imageSizes))
        : undefined;
      return {
        feat: levelsLoss(students, teachers, settings, {
          adapters: pairs.map(({ adapter }) => adapter),
          ...(weights && { weights }),
        }),
      };
    },
  };
}

/** The paper's best values are 2 and 4, for a loss of half the form `full`. */
const defaultWeight = (twoStage: boolean, { loss, form }: SsimPluginOptions): number =>
  (twoStage ? 2 : 4) / (loss === 'ssim' && form === 'full' ? 2 : 1);

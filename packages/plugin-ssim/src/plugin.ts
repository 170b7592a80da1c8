import {
  definePlugin,
  type Hooks,
  type NeckPair,
  neckPairs,
  neckStrides,
  pairMaps,
  type PluginScope,
  type StepView,
  weighedStep,
} from '@kd/core';
import { insideImages, instanceCells } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
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
      const weights = cellWeights(scope, step, pairs, students, options);
      return {
        feat: levelsLoss(students, teachers, settings, {
          adapters: pairs.map(({ adapter }) => adapter),
          ...(weights && { weights }),
        }),
      };
    },
  };
}

/** [n, h, w, 1] a level: what is outside of its image counts nothing, and objects as far as they are trusted. */
function cellWeights(
  { student }: PluginScope,
  step: StepView,
  pairs: readonly NeckPair[],
  maps: readonly tf.Tensor4D[],
  options: SsimPluginOptions,
): tf.Tensor4D[] | undefined {
  const sameCells = options.loss !== 'ssim' || options.padding !== 'valid';
  const trust = sameCells ? weighedStep(step, options).weights.get() : null;
  if (!options.maskPadding && !trust) return undefined;
  const neck = neckStrides(student);
  return pairs.map(({ stride }, i) => {
    const { shape } = maps[i]!;
    const [n, height, width] = shape;
    const inside = options.maskPadding ? insideImages(shape, stride, step.targets.imageSizes) : null;
    const level = trust?.levels[neck.indexOf(stride)];
    if (level === undefined) return inside ?? tf.ones([n, height, width, 1]);
    const cells = tf.expandDims(instanceCells(level, step, { stride, height, width }), 3) as tf.Tensor4D;
    return inside ? tf.mul(cells, inside) : cells;
  });
}

/** The paper's best values are 2 and 4, for a loss of half the form `full`. */
const defaultWeight = (twoStage: boolean, { loss, form }: SsimPluginOptions): number =>
  (twoStage ? 2 : 4) / (loss === 'ssim' && form === 'full' ? 2 : 1);

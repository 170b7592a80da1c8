import {
  checkSameMaps,
  definePlugin,
  type Hooks,
  type PluginScope,
  type StepView,
  termFactor,
  untaped,
  weighedStep,
} from '@kd/core';
import { flattenLevels, objectWeights, priorWeights } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { checkEdges, type Edges } from './check-edges.js';
import { edgeDivergence, SIDES, weightedMean } from './ld-loss.js';
import { type LdInput, type LdOptions, optionsSchema } from './options.js';
import { valuableRegion } from './valuable-region.js';

/**
 * Localization distillation: the student's distributions over the edges of boxes learn the teacher's, at objects and
 * in the valuable region around them.
 * Zheng et al., "Localization Distillation for Dense Object Detection", CVPR 2022.
 */
export const ld = definePlugin<LdOptions, LdInput>({
  name: 'ld',
  apiVersion: 1,
  options: optionsSchema,
  requires: {},
  create,
});

export default ld;

/** The sum over the region is divided by so many sides, that of the objects by those of one box. */
const REGION_SIDES = 16;

function create(scope: PluginScope, options: LdOptions): Hooks {
  const edges = checkEdges(scope, options.coding);
  return {
    lossCompose: (step: StepView) =>
      tf.tidy(() => {
        const boxes = divergences(scope.id, step, edges, options.temperature);
        const weighed = weighedStep(step, options);
        return {
          main: term(options.main, () => weightedMean(boxes, mainWeights(weighed, edges), SIDES)),
          vlr: term(options.vlr, () => weightedMean(boxes, regionWeights(weighed, options), REGION_SIDES)),
        };
      }),
    // Without a factor there is nothing to learn: the run says so, and computes nothing for it.
    schedule: (progress) => (options.main + options.vlr === 0 ? 0 : termFactor(options.schedule, progress)),
  };
}

const term = (factor: number, loss: () => tf.Scalar): tf.Scalar =>
  factor === 0 ? tf.scalar(0) : tf.mul(loss(), factor);

/** Of all priors, [b, a]: both terms take theirs from it. */
function divergences(id: string, step: StepView, { bins }: Edges, temperature: number): tf.Tensor2D {
  const [own, taught] = [step.student.predictions['reg']!, step.teacher.predictions['reg']!];
  own.forEach((map, level) => checkSameMaps(id, `${level} of the distributions`, map, taught[level]!));
  const sides = (maps: readonly tf.Tensor4D[]): tf.Tensor => {
    const rows = flattenLevels(maps, SIDES * bins); // [b, a, 4·bins]
    return tf.reshape(rows, [rows.shape[0], rows.shape[1], SIDES, bins]);
  };
  return edgeDivergence(sides(own), sides(taught), temperature) as tf.Tensor2D;
}

/** The student's best class score at its positives, 0 elsewhere: [b, a] */
const mainWeights = (step: StepView, { classes }: Edges): tf.Tensor2D =>
  untaped(() =>
    tf.tidy(() => {
      const { matched } = step.assignment;
      const logits = flattenLevels(step.student.predictions['cls']!, classes); // [b, a, k]
      const sure = tf.sigmoid(tf.max(logits, 2)); // [b, a]
      const positive = tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32');
      const trust = step.weights.get();
      const weights = tf.mul<tf.Tensor2D>(sure, positive);
      return trust ? tf.mul(weights, priorWeights(trust.response, step.instances, matched.shape[1])) : weights;
    }),
  );

/** [b, a] */
function regionWeights(step: StepView, { topk, lower, overlap }: LdOptions): tf.Tensor2D {
  const { targets, priors, assignment } = step;
  const trust = step.weights.get();
  const values = trust && objectWeights(trust.response, step.instances.matched, targets.mask.shape[1]);
  const region = valuableRegion(priors.boxes, targets.boxes, targets.mask, {
    perLevel: priors.perLevel,
    topk,
    lower,
    overlap,
    ...(values && { values }),
  });
  // What the student's assigner ignores, e.g. in the padding, teaches nothing.
  const known = tf.cast(tf.greater(assignment.matched, tf.scalar(-2, 'int32')), 'float32');
  return tf.mul(region, known);
}

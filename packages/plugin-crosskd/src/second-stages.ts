import {
  type Adapter,
  applyAdapter,
  createAdapter,
  type Hooks,
  type PluginScope,
  type RegionSamples,
  type StepView,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { alignScale } from './align.js';
import { checkRegions, type RegionPairing } from './check-regions.js';
import { crossDense } from './dense-heads.js';
import { namedTerms } from './named-terms.js';
import type { CrossKdOptions } from './options.js';
import { proposalScope } from './proposal-scope.js';
import { type RegionMaps, regionTerms } from './region-losses.js';

/** The factors of the authors' trials on Faster R-CNN. */
const WEIGHTS = { cls: 0.5, reg: 1 };

type Heads = RegionPairing & { readonly align: boolean; readonly adapter: Adapter | undefined };

/**
 * Crosses two second stages, stage by stage of a cascade: the regions that the student trains on go through its own
 * pooling and the first `i` blocks of its box head, then through the rest of the teacher's, and learn from what the
 * teacher says of the same regions. With the option `rpn` the region proposal networks are crossed as dense heads are.
 */
export function crossRegions(scope: PluginScope, options: CrossKdOptions): Hooks {
  const pairing = checkRegions(scope, options);
  const { align = false, temperature = 3, perLevel } = options;
  const weights = { cls: options.weights.cls ?? WEIGHTS.cls, reg: options.weights.reg ?? WEIGHTS.reg };
  const { channels, shared, background, stages } = pairing;
  const adapter =
    options.adapter === 'conv1x1'
      ? createAdapter(scope, 'box', channels.student, channels.teacher, { bias: !align })
      : undefined;
  const heads: Heads = { ...pairing, align, adapter };
  const losses = { background, temperature, ...(!shared.same && { classes: shared.teacher }) };
  const { rpn, weights: all, ...dense } = options;
  const proposals =
    rpn &&
    crossDense(proposalScope(scope), {
      ...dense,
      ...{ i: rpn.i, tap: 'post', align: true, temperature: 1, weights: { cls: all.rpnCls, reg: all.rpnReg } },
    });

  return {
    settled: {
      ...{ i: pairing.i, weights, align, temperature },
      ...(proposals && settledWith(weights, proposals)),
    },

    featureTap: (requests) => proposals?.featureTap!(requests),

    lossCompose: (step) =>
      tf.tidy(() => {
        const ofRegions = weights.cls + weights.reg === 0 ? [] : stages;
        const ofStages = ofRegions.map((weight, stage) => {
          const samples = step.regions![stage]!;
          if (samples.regions.matched.size === 0) return { cls: tf.scalar(0), reg: tf.scalar(0) };
          const { crossed, taught, mask } = crossStage(step, samples, heads, stage);
          const { cls, reg } = regionTerms(crossed, taught, mask, losses);
          return {
            cls: tf.mul<tf.Scalar>(cls, weights.cls * weight),
            reg: tf.mul<tf.Scalar>(reg, weights.reg * weight),
          };
        });
        const terms = ofStages.length > 0 && {
          cls: ofStages.map(({ cls }) => cls),
          reg: ofStages.map(({ reg }) => reg),
        };
        const ofFirst = proposals?.lossCompose!(step) ?? {};
        return {
          // Counted from 1, as the losses of cascades are.
          ...(terms &&
            namedTerms(
              terms,
              stages.map((_, stage) => String(stage + 1)),
              perLevel,
            )),
          ...Object.fromEntries(Object.entries(ofFirst).map(([name, term]) => [`rpn.${name}`, term])),
        };
      }),

    dispose: () => proposals?.dispose!(),
  };
}

/** The options of the region proposal networks as they came out, beside the factors of the box heads. */
function settledWith(weights: typeof WEIGHTS, { settled }: Hooks): object {
  const dense = settled as { readonly i: number; readonly coding: string; readonly weights: typeof WEIGHTS };
  return {
    coding: dense.coding,
    rpn: { i: dense.i },
    weights: { ...weights, rpnCls: dense.weights.cls, rpnReg: dense.weights.reg },
  };
}

interface CrossedStage {
  readonly crossed: RegionMaps;
  readonly taught: RegionMaps;
  /** [r] */
  readonly mask: tf.Tensor1D;
}

/** What the student's regions of one stage come to in both ways. */
function crossStage(
  step: StepView,
  { regions, output }: RegionSamples,
  { i, student, teacher, align, adapter }: Heads,
  stage: number,
): CrossedStage {
  const rows = tf.cast(tf.greater(regions.matched, tf.scalar(-2, 'int32')), 'float32') as tf.Tensor2D; // [b, n]
  const mask = tf.reshape(rows, [-1]) as tf.Tensor1D;
  const seen = step.teacher.regions!(regions.boxes, rows);
  const [own, pooled] = [flat(output.features), flat(seen.features)];
  const at = { level: stage, mask };
  const feature = i === 0 ? own : student.run('box', own, { ...at, to: i, training: true })['feature']!;
  const adapted = adapter ? applyAdapter(feature, adapter) : feature;
  const aligned = align
    ? alignScale(adapted, i === 0 ? pooled : teacher.run('box', pooled, { ...at, to: i })['feature']!, mask)
    : adapted;
  // Behind a ReLU nothing is below 0, and neither alignment nor an adapter may change that.
  const crossed = teacher.run('box', i > 0 ? tf.relu(aligned) : aligned, { ...at, from: i });
  // Its first box head has spoken of the regions already.
  const taught = stage === 0 ? seen : teacher.run('box', pooled, at);
  return { crossed: mapsOf(crossed), taught: mapsOf(taught), mask };
}

/** [b, n, s, s, c] -> [b·n, s, s, c] */
function flat(features: tf.Tensor5D): tf.Tensor4D {
  const [b, n, height, width, channels] = features.shape;
  return tf.reshape(features, [b * n, height, width, channels]);
}

/** Maps [r, 1, 1, …] or [b, n, …] as rows [r, …]. */
function mapsOf({ logits, deltas }: { readonly logits?: tf.Tensor; readonly deltas?: tf.Tensor }): RegionMaps {
  const rows = (map: tf.Tensor): tf.Tensor2D => tf.reshape(map, [-1, map.shape.at(-1)!]);
  return { logits: rows(logits!), deltas: rows(deltas!) };
}

import { applyAdapter } from '@kd/core';
import {
  decoupledKl,
  decoupledLoss,
  type FgfiVariant,
  hintLevels,
  type HintLossOptions,
  imitationLoss,
  nearAnchors,
} from '@kd/plugin-imitation';
import { ssimLevels } from '@kd/plugin-ssim';
import { objectLevel, objectMask } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { adapters, type BaselineCase, type Inputs, levels, type Method, objects } from './method.js';
import { expectEqual, maxDifference, oneOf, only } from '../support/index.js';

/** Maps of the student behind their adapters, of the teacher, and the stored masks [b, h, w]. */
function masked(inputs: Inputs, one: BaselineCase) {
  const [teachers, masks, adapter] = [levels(inputs, 't'), levels(inputs, 'mask'), adapters(inputs, one)];
  return levels(inputs, 's').map((map, i) => ({
    student: applyAdapter(map, adapter[i]!),
    teacher: teachers[i]!,
    mask: tf.squeeze<tf.Tensor3D>(masks[i]!, [3]),
  }));
}

/** A rule of ours that makes the mask of a level. */
type MaskRule = (
  level: number,
  objects: { boxes: tf.Tensor3D; on: tf.Tensor2D },
  size: { height: number; width: number },
) => tf.Tensor;

/** The masks of a rule beside the stored ones, level by level; none where no box is stored. */
function masksOf(inputs: Inputs, { config }: BaselineCase, rule: MaskRule): { made: tf.Tensor; stored: tf.Tensor4D }[] {
  const masks = levels(inputs, 'mask');
  const all = objects(inputs, masks[0]!.shape[0]);
  const finest = config['levelBase'] as number | null;
  if (all === null) return [];
  const own = finest === null ? null : objectLevel(all.boxes, { levels: masks.length, finest });
  return masks.map((stored, level) => {
    const on =
      own === null
        ? all.on
        : (tf.mul(all.on, tf.cast(tf.equal(own, tf.scalar(level, 'int32')), 'float32')) as tf.Tensor2D);
    const [, height, width] = stored.shape;
    return { made: rule(level, { boxes: all.boxes, on }, { height, width }), stored };
  });
}

function checkMasks(inputs: Inputs, one: BaselineCase, rule: MaskRule): void {
  masksOf(inputs, one, rule).forEach(({ made, stored }, level) =>
    expectEqual(made.dataSync(), stored.dataSync(), `mask${level}`),
  );
}

/** The strides of a case: those it says, or those of a pyramid with which the rule makes every stored mask. */
function stridesOf(inputs: Inputs, one: BaselineCase, rule: (strides: readonly number[]) => MaskRule): number[] {
  const said = one.config['strides'] as number[] | undefined;
  if (said !== undefined) return said;
  const count = levels(inputs, 'mask').length;
  const pyramids = [2, 4, 8, 16, 32].map((finest) => Array.from({ length: count }, (_, level) => finest * 2 ** level));
  const fits = pyramids.find((strides) =>
    masksOf(inputs, one, rule(strides)).every(
      ({ made, stored }) => maxDifference(made.dataSync(), stored.dataSync()) === 0,
    ),
  );
  if (fits === undefined) throw new Error(`with no strides of a pyramid does the rule make the masks of ${one.id}`);
  return fits;
}

export const imitationMethods: Readonly<Record<string, Method>> = {
  lp: (inputs, { config }) => {
    const [s, t] = [levels(inputs, 's'), levels(inputs, 't')];
    const { p, reduction, normalize, div, dist } = config;
    if (reduction !== undefined) only('reduction', reduction, 'mean per level, sum over levels');
    if (p !== undefined)
      return {
        feat: ssimLevels(s, t, {
          loss: oneOf('p', p, [1, 2]) === 1 ? 'l1' : 'l2',
          normalize: oneOf('normalize', normalize, [undefined, 'minmax per image']) ? 'minmax' : 'none',
          scope: 'image',
        }),
      };
    const elements = oneOf('div', div, [undefined, 'batch', 'element']) === 'element';
    const options: HintLossOptions = {
      unitLength: oneOf('normalize', normalize, [true, false]),
      divide: oneOf('dist', dist, [undefined, true, false]) ? 'root' : elements ? 'elements' : 'images',
    };
    if (dist === true && elements) throw new Error('a root of the sum has no division by elements');
    return { feat: hintLevels(s, t, options) };
  },

  fitnet: (inputs, one) => ({
    hint: hintLevels(levels(inputs, 's'), levels(inputs, 't'), {}, { adapters: adapters(inputs, one) }),
  }),

  fgfi: (inputs, one) => {
    const { phi, iouPlus } = one.config as { phi: number; iouPlus: 0 | 1 };
    const inclusive = oneOf('iouPlus', iouPlus, [0, 1]) === 1;
    checkMasks(inputs, one, (level, { boxes, on }, size) =>
      nearAnchors(inputs.get(`anchors${level}`) as tf.Tensor2D, boxes, on, {
        ...size,
        psi: phi,
        inclusive,
      }),
    );
    return {
      imitation: imitationLoss(
        masked(inputs, one),
        oneOf<FgfiVariant>('variant', one.config['variant'], ['original', 'pyramid']),
      ),
    };
  },

  defeat: (inputs, one): Record<string, tf.Scalar> => {
    if (oneOf('variant', one.config['variant'], ['head', 'neck']) === 'head') {
      const { temperatureForeground, temperatureBackground } = one.config as {
        temperatureForeground: number;
        temperatureBackground: number;
      };
      const [logits, target, labels] = ['logits_s', 'logits_t', 'labels'].map((key) => inputs.get(key)!) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const background = tf.cast(tf.equal(labels, logits.shape[1]! - 1), 'float32');
      return {
        ...decoupledKl(
          logits,
          target,
          { foreground: tf.sub(1, background), background },
          { temperatureForeground, temperatureBackground },
        ),
      };
    }
    const rule =
      (strides: readonly number[]): MaskRule =>
      (level, { boxes, on }, size) =>
        objectMask(boxes, on, { ...size, stride: strides[level]! });
    checkMasks(inputs, one, rule(stridesOf(inputs, one, rule)));
    const { foreground, background } = decoupledLoss(masked(inputs, one));
    return { neckForeground: foreground, neckBackground: background };
  },
};

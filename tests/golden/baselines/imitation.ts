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
import {
  adapters,
  type BaselineCase,
  type Check,
  type Inputs,
  levels,
  type Method,
  objects,
  type Values,
} from './method.js';
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

/** The masks of a rule, level by level; none where no box is stored. */
function masksOf(inputs: Inputs, { config }: BaselineCase, rule: MaskRule): tf.Tensor[] {
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
    return rule(level, { boxes: all.boxes, on }, { height, width });
  });
}

async function checkMasks(inputs: Inputs, one: BaselineCase, values: Values, rule: MaskRule): Promise<void> {
  for (const [level, mask] of masksOf(inputs, one, rule).entries())
    expectEqual(await mask.data(), values(`mask${level}`), `mask${level}`);
}

/** The strides of a case: those it says, or those of a pyramid with which the rule makes every stored mask. */
async function stridesOf(
  inputs: Inputs,
  one: BaselineCase,
  values: Values,
  rule: (strides: readonly number[]) => MaskRule,
): Promise<number[]> {
  const said = one.config['strides'] as number[] | undefined;
  if (said !== undefined) return said;
  const count = levels(inputs, 'mask').length;
  const pyramids = [2, 4, 8, 16, 32].map((finest) => Array.from({ length: count }, (_, level) => finest * 2 ** level));
  for (const strides of pyramids) {
    const masks = await Promise.all(masksOf(inputs, one, rule(strides)).map((mask) => mask.data()));
    if (masks.every((mask, level) => maxDifference(mask, values(`mask${level}`)) === 0)) return strides;
  }
  throw new Error(`with no strides of a pyramid does the rule make the masks of ${one.id}`);
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
    const variant = oneOf<FgfiVariant>('variant', one.config['variant'], ['original', 'pyramid']);
    return { imitation: imitationLoss(masked(inputs, one), variant) };
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
    const { foreground, background } = decoupledLoss(masked(inputs, one));
    return { neckForeground: foreground, neckBackground: background };
  },
};

export const imitationChecks: Readonly<Record<string, Check>> = {
  fgfi: (inputs, one, values) => {
    const { phi: psi, iouPlus } = one.config as { phi: number; iouPlus: 0 | 1 };
    const inclusive = oneOf('iouPlus', iouPlus, [0, 1]) === 1;
    return checkMasks(inputs, one, values, (level, { boxes, on }, size) =>
      nearAnchors(inputs.get(`anchors${level}`) as tf.Tensor2D, boxes, on, { ...size, psi, inclusive }),
    );
  },

  defeat: async (inputs, one, values) => {
    if (one.config['variant'] === 'head') return;
    const rule =
      (strides: readonly number[]): MaskRule =>
      (level, { boxes, on }, size) =>
        objectMask(boxes, on, { ...size, stride: strides[level]! });
    await checkMasks(inputs, one, values, rule(await stridesOf(inputs, one, values, rule)));
  },
};

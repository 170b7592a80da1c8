import type { DetectorContext, ImageSizes, Predictions, Priors } from '@kd/core';
import { gatherRows, untaped } from '@kd/core';
import { clipBoxes, decodeBoxes, largeEnough } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { FLAVOURS } from './flavours.js';
import type { FirstStageConfig } from './options.js';
import { type LevelCandidates, suppress } from './suppress.js';

/** What the first stage proposes: a fixed number of rows an image, best first. */
export interface Proposals {
  /** [b, p, 4] in pixels of the resized image, 0 where there is none */
  readonly boxes: tf.Tensor3D;
  /** [b, p] sigmoid of the objectness */
  readonly scores: tf.Tensor2D;
  /** [b, p] float32: 1 where the row holds a proposal */
  readonly mask: tf.Tensor2D;
}

export interface ProposalOptions extends Pick<FirstStageConfig, 'rpn' | 'flavour'> {
  readonly mode: 'train' | 'test';
  readonly imageSizes: ImageSizes;
  readonly runOp?: DetectorContext['runOp'];
}

/**
 * Proposals of a region proposal network: of each level the anchors of highest objectness, decoded, clipped to the
 * image, without the tiny ones, NMS within the
 * level, and the best of all levels. No gradient.
 */
export function proposalsOf(
  { cls, reg }: Predictions,
  { boxes, perLevel }: Priors,
  { rpn, flavour, mode, imageSizes, runOp }: ProposalOptions,
): Proposals {
  const counts = perLevel.map((anchors) => Math.min(anchors, rpn.preNmsTopN[mode]));
  const limit = Math.min(
    rpn.postNmsTopN[mode],
    counts.reduce((sum, count) => sum + count, 0),
  );
  return tf.tidy(() => {
    const packed = untaped(() => {
      let first = 0;
      const levels = perLevel.map((anchors, i): LevelCandidates => {
        const own = tf.slice(boxes, [first, 0], [anchors, 4]);
        first += anchors;
        return bestOfLevel(cls![i]!, reg![i]!, own, counts[i]!, { rpn, flavour, imageSizes });
      });
      return suppress(levels, rpn.nmsThresh, limit, runOp);
    }); // [b, limit, 6]
    const [kept, scores, mask] = tf.split(packed, [4, 1, 1], 2) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
    return { boxes: kept, scores: tf.squeeze(scores, [2]), mask: tf.squeeze(mask, [2]) } as Proposals &
      tf.TensorContainerObject;
  });
}

/** @param anchors [n, 4] */
function bestOfLevel(
  cls: tf.Tensor4D,
  reg: tf.Tensor4D,
  anchors: tf.Tensor2D,
  count: number,
  { rpn, flavour, imageSizes }: Pick<ProposalOptions, 'rpn' | 'flavour' | 'imageSizes'>,
): LevelCandidates {
  const { coder, minSizeInclusive } = FLAVOURS[flavour];
  const [b, n] = [cls.shape[0], anchors.shape[0]];
  const { values, indices } = tf.topk(tf.reshape(cls, [b, n]), count) as unknown as {
    values: tf.Tensor2D;
    indices: tf.Tensor2D;
  }; // [b, count]
  const codes = gatherRows<tf.Tensor3D>(tf.reshape(reg, [b, n, 4]), indices);
  const boxes = clipBoxes(decodeBoxes(codes, tf.gather(anchors, indices), coder) as tf.Tensor3D, imageSizes);
  const scores = tf.sigmoid(values);
  const large = largeEnough(boxes, rpn.minSize, minSizeInclusive);
  const good = tf.logicalAnd(large, tf.greaterEqual(scores, rpn.scoreThresh));
  return { boxes, scores: tf.where(good, scores, -1) as tf.Tensor2D };
}

import * as tf from '@tensorflow/tfjs-core';
import { bceWithLogits, crossEntropy, l1Loss, sigmoidFocalLoss, smoothL1Loss } from '@kd/vision';
import { functional, out, reduce, type Op } from './case.js';

export const lossOps: Readonly<Record<string, Op>> = {
  sigmoid_focal_loss: functional(({ logits, targets }, { alpha, gamma, reduction }) =>
    out(reduce(sigmoidFocalLoss(logits!, targets!, { alpha: alpha as number, gamma: gamma as number }), reduction)),
  ),
  binary_cross_entropy_with_logits: functional(({ logits, targets }, { reduction }) =>
    out(reduce(bceWithLogits(logits!, targets!), reduction)),
  ),
  smooth_l1_loss: functional(({ pred, target }, { beta, reduction }) =>
    out(reduce(smoothL1Loss(pred!, target!, beta as number), reduction)),
  ),
  l1_loss: functional(({ pred, target }, { reduction }) => out(reduce(l1Loss(pred!, target!), reduction))),
  cross_entropy: functional(({ logits, labels }, { reduction }) =>
    out(reduce(crossEntropy(logits!, labels!), reduction)),
  ),
  softmax: functional(({ logits }, { axis }) => out(tf.softmax(logits!, axis as number))),
};

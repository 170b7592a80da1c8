import type { BoxCode, Detector } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { decodeBoxes } from './coder.js';
import { decodeDistributions } from './distribution-coder.js';
import { decodeDistances } from './linear-coder.js';

/** The decoder that a description of box codes stands for. */
export function decoderOf(code: BoxCode): Detector['decode'] {
  if (code.code === 'delta')
    return (codes, { boxes }) => tf.tidy(() => decodeBoxes(codes, tf.expandDims(boxes, 0), code) as tf.Tensor3D);
  if (code.code === 'distance')
    return (codes, { boxes }) =>
      decodeDistances(codes, boxes, { normalizeBySize: code.unit === 'size' }) as tf.Tensor3D;
  return (codes, priors) => decodeDistributions(codes, priors, code.bins);
}

import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { qualityFocalLoss } from './quality-focal.js';

// torch 2.6, float64, for beta 2, 1 and 1.5:
//   x = torch.tensor([-3, -.5, .4, 2, 0, 1], requires_grad=True); t = torch.tensor([0, .25, 1, .7, .5, 0])
//   l = F.binary_cross_entropy_with_logits(x, t, reduction='none') * (x.sigmoid() - t).abs().pow(beta);
// torch.autograd.grad(l.sum(), x)
it.each([
  [2, [0.000109, 0.009745, 0.082622, 0.023762, 0, 0.701868], [0.000315, 0.037986, -0.163561, 0.033508, 0, 0.768235]],
  [1, [0.002304, 0.076407, 0.205879, 0.131426, 0, 0.960071], [0.004444, 0.157052, -0.284309, 0.10901, 0, 0.79265]],
  [1.5, [0.000502, 0.027287, 0.130423, 0.055883, 0, 0.82088], [0.001207, 0.081227, -0.219149, 0.062578, 0, 0.788115]],
])('gives the loss and the slope of torch for beta %d', (beta, losses, slopes) => {
  const x = tf.tensor1d([-3, -0.5, 0.4, 2, 0, 1]);
  const loss = (v: tf.Tensor): tf.Tensor => qualityFocalLoss(v, tf.tensor1d([0, 0.25, 1, 0.7, 0.5, 0]), { beta });
  loss(x)
    .dataSync()
    .forEach((value, i) => expect(value).toBeCloseTo(losses[i]!, 5));
  tf.grad((v: tf.Tensor) => tf.sum(loss(v)))(x)
    .dataSync()
    .forEach((value, i) => expect(value).toBeCloseTo(slopes[i]!, 5));
});

it('stays finite for logits of any size', () => {
  const targets = tf.tensor1d([1, 0, 0.5]);
  const x = tf.tensor1d([-200, 200, 200]);
  expect([...qualityFocalLoss(x, targets).dataSync()]).toEqual([200, 200, 25]);
  expect(
    tf
      .grad((v: tf.Tensor) => tf.sum(qualityFocalLoss(v, targets)))(x)
      .dataSync()
      .every(Number.isFinite),
  ).toBe(true);
});

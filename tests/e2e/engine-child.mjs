// Run by engine-node-versions.test.ts under several versions of Node: a convolution and its gradient, as one line of
// JSON.
import { tensorflow } from '@kd/engine-tensorflow';
import * as tf from '@tensorflow/tfjs-core';

const { version } = await tensorflow().start();
const x = tf.ones([1, 4, 4, 2]);
const kernel = tf.ones([3, 3, 2, 3]);
const [dx, dkernel] = tf.grads((a, b) => tf.relu(tf.conv2d(a, b, 1, 'same')))([x, kernel]);
const top = tf.topk(tf.reshape(dx, [-1]), 1).values; // A kernel that asks Node for isNullOrUndefined.
process.stdout.write(
  JSON.stringify({ node: process.version, version, sum: tf.sum(dkernel).dataSync()[0], top: top.dataSync()[0] }),
);

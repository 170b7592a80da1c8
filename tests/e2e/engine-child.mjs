// Run by engine-node-versions.test.ts under several versions of Node, on the engine that the argument names: a
// convolution and its gradient, as one line of JSON.
import * as tf from '@tensorflow/tfjs-core';

const { default: engine } = await import(`@kd/engine-${process.argv[2]}`);
const { version } = await engine().start();
const x = tf.ones([1, 4, 4, 2]);
const kernel = tf.ones([3, 3, 2, 3]);
const [dx, dkernel] = tf.grads((a, b) => tf.relu(tf.conv2d(a, b, 1, 'same')))([x, kernel]);
const top = tf.topk(tf.reshape(dx, [-1]), 1).values; // A kernel that asks Node for isNullOrUndefined.
const [sum, most] = [tf.sum(dkernel).dataSync()[0], top.dataSync()[0]];
process.stdout.write(JSON.stringify({ node: process.version, version, sum, top: most }), () => process.exit());

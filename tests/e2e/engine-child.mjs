// Run by engine-node-versions.test.ts under several versions of Node, on the engines that the arguments name: a
// convolution and its gradient on each, as one line of JSON.
import * as tf from '@tensorflow/tfjs-core';

async function computed(name) {
  const { default: engine } = await import(`@kd/engine-${name}`);
  await engine().start();
  const x = tf.ones([1, 4, 4, 2]);
  const kernel = tf.ones([3, 3, 2, 3]);
  const [dx, dkernel] = tf.grads((a, b) => tf.relu(tf.conv2d(a, b, 1, 'same')))([x, kernel]);
  const top = tf.topk(tf.reshape(dx, [-1]), 1).values; // A kernel that asks Node for isNullOrUndefined.
  const [[sum], [most]] = [await tf.sum(dkernel).data(), await top.data()];
  return { engine: name, node: process.version, backend: tf.getBackend(), sum, top: most };
}

const said = [];
for (const name of process.argv.slice(2)) said.push(await computed(name));
process.stdout.write(JSON.stringify(said), () => process.exit());

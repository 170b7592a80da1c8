/**
 * TensorFlow.js' core comes without gradients, and on Node its own list of them cannot be imported (an ES module in a
 * CommonJS package); the layers package registers them when it is loaded.
 */
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';

// `tf.split` and `tf.unstack` into a single part: the tape hands the gradient of the only output over as it is, and
// their gradients expect a list.
for (const kernelName of [tf.SplitV, tf.Unpack]) {
  const config = tf.getGradient(kernelName);
  tf.unregisterGradient(kernelName);
  tf.registerGradient({
    ...config,
    gradFunc: (dy, saved, attrs) => config.gradFunc([dy].flat(), saved, attrs),
  });
}

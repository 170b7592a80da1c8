import * as tf from '@tensorflow/tfjs-core';

/**
 * Names of the kernels that `run` asked the current engine for, gradients included; not of those that a kernel is made
 * of. What an engine has without a kernel of TensorFlow.js (`runOp`) is not seen: record on one without native ops.
 */
export async function recordKernels(run: () => Promise<void> | void): Promise<ReadonlySet<string>> {
  const engine = tf.engine();
  const names = new Set<string>();
  const stock = engine.runKernel.bind(engine);
  let depth = 0;
  engine.runKernel = ((name, inputs, attributes) => {
    if (depth === 0) names.add(name);
    depth++;
    try {
      return stock(name, inputs, attributes);
    } finally {
      depth--;
    }
  }) as typeof engine.runKernel;
  try {
    await run();
  } finally {
    engine.runKernel = stock;
  }
  return names;
}

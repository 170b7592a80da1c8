import { type LowPrecision, type PrecisionGain, silentLogger } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { compile } from './compile/compile.js';
import { multipliesBfloat16 } from './processor.js';
import { currentBackend } from './run-op.js';

/** What of a device multiplies in fewer bits: of NVIDIA's all that TensorFlow runs on multiply float16. */
export const lowPrecisions = (device: 'cpu' | 'gpu'): readonly LowPrecision[] =>
  device === 'gpu' ? ['float16'] : multipliesBfloat16() ? ['bfloat16'] : [];

/** @see Engine.inPrecision */
export function inPrecision<T>(precision: LowPrecision, run: () => T): T {
  const { binding } = currentBackend();
  binding.traceFloats(binding[precision === 'bfloat16' ? 'TF_BFLOAT16' : 'TF_HALF'] as number);
  try {
    return run();
  } finally {
    binding.traceFloats(binding.TF_FLOAT as number);
  }
}

/** Layers and rounds of {@link precisionGain}. */
const [LAYERS, ROUNDS] = [4, 3];

/**
 * Their kernels, down and across. Those of 3 x 3 a processor computes in float32 in either case: half of the time, as
 * in a step of a ResNet-50 under RetinaNet.
 */
const SIZES: Readonly<Record<'cpu' | 'gpu', readonly number[]>> = { cpu: [3, 1, 1, 1], gpu: [3] };

/** Maps that keep the device busy: on a card the smaller ones take less than their launch. */
const MAPS: Readonly<Record<'cpu' | 'gpu', [number, number, number, number]>> = {
  cpu: [2, 40, 40, 256],
  gpu: [8, 100, 100, 256],
};

/**
 * The least of some rounds of four convolutions of 256 channels: a second of a core, less of a card.
 * @see Engine.precisionGain
 */
export function precisionGain(precision: LowPrecision): PrecisionGain {
  const device = currentBackend().binding.isUsingGpuDevice() ? 'gpu' : 'cpu';
  const kernels = SIZES[device].map((size) => tf.randomNormal([size, size, 256, 256], 0, 0.02));
  const given = [tf.randomNormal(MAPS[device]), ...kernels];
  const layers = ([map, ...filters]: tf.Tensor[]): tf.Tensor => {
    let last = map as tf.Tensor4D;
    for (let i = 0; i < LAYERS; i++)
      last = tf.relu(tf.conv2d(last, filters[i % filters.length] as tf.Tensor4D, 1, 'same'));
    return last;
  };
  const gradients = tf.grads((...tensors) => tf.sum(layers(tensors)));
  const forward = share(precision, given, (tensors) => [layers(tensors)]);
  const training = share(precision, given, (tensors) => gradients(tensors));
  tf.dispose(given);
  return { forward, training };
}

/** Milliseconds; of a processor those that it worked, which others on the machine do not change. */
function clock(): number {
  if (currentBackend().binding.isUsingGpuDevice()) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function share(precision: LowPrecision, given: tf.Tensor[], maps: (given: tf.Tensor[]) => tf.Tensor[]): number {
  // Their sums are read, which tells that they are made: a card would take longer to hand over the maps.
  const run = (tensors: tf.Tensor[]): tf.Tensor[] => maps(tensors).map((map) => tf.sum(map));
  const options = { name: 'four convolutions', logger: silentLogger };
  const functions = [
    compile(run, options),
    compile((tensors: tf.Tensor[]) => inPrecision(precision, () => run(tensors)), options),
  ];
  const least = [Infinity, Infinity];
  for (let round = 0; round <= ROUNDS; round++)
    functions.forEach((compiled, i) => {
      const began = clock();
      const made = compiled(given);
      for (const sum of made) sum.dataSync();
      tf.dispose(made);
      // The first round makes the graphs.
      if (round > 0) least[i] = Math.min(least[i]!, clock() - began);
    });
  for (const one of functions) one.clear();
  return least[1]! / least[0]!;
}

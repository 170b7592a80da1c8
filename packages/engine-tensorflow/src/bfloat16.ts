import { silentLogger } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { existsSync, readFileSync } from 'node:fs';
import { compile } from './compile/compile.js';
import { currentBackend } from './run-op.js';

const CPU_INFO = '/proc/cpuinfo';

/** Whether the processor multiplies bfloat16 by itself (AVX-512 BF16, AMX, Arm's BF16), as Linux tells it. */
export const multipliesBfloat16 = (
  info: string = existsSync(CPU_INFO) ? readFileSync(CPU_INFO, 'utf8') : '',
): boolean => /^(flags|Features)\s*:.*\b(avx512_bf16|amx_bf16|bf16)\b/m.test(info);

/** @see Engine.inBfloat16 */
export function inBfloat16<T>(run: () => T): T {
  const { binding } = currentBackend();
  binding.traceInBfloat16(true);
  try {
    return run();
  } finally {
    binding.traceInBfloat16(false);
  }
}

/** Layers and rounds of {@link bfloat16Gain}: half a second. */
const [LAYERS, ROUNDS] = [8, 5];

/**
 * How long convolutions take in bfloat16, as a share of what they take in float32: the least of some rounds of eight of
 * 3 x 3 and 256 channels, on maps of 40 x 40. Valid after `start`.
 */
export function bfloat16Gain(): number {
  const [x, kernel] = [
    tf.randomNormal<tf.Rank.R4>([2, 40, 40, 256]),
    tf.randomNormal<tf.Rank.R4>([3, 3, 256, 256], 0, 0.02),
  ];
  const layers = (map: tf.Tensor4D): tf.Tensor4D => {
    let last = map;
    for (let i = 0; i < LAYERS; i++) last = tf.relu(tf.conv2d(last, kernel, 1, 'same'));
    return last;
  };
  const options = { name: 'eight convolutions', logger: silentLogger };
  const functions = [compile(layers, options), compile((map: tf.Tensor4D) => inBfloat16(() => layers(map)), options)];
  const least = [Infinity, Infinity];
  for (let round = 0; round <= ROUNDS; round++)
    functions.forEach((run, i) => {
      const began = performance.now();
      const made = run(x);
      made.dataSync();
      made.dispose();
      // The first round makes the graphs.
      if (round > 0) least[i] = Math.min(least[i]!, performance.now() - began);
    });
  for (const one of functions) one.clear();
  tf.dispose([x, kernel]);
  return least[1]! / least[0]!;
}

import type * as tf from '@tensorflow/tfjs-core';
import type { StepRng } from '../contract/step-rng.js';
import { KdError } from '../errors.js';
import { avalanche, hash } from '../rng.js';
import { inputsAt } from './host-input.js';
import type { HostInput } from './step-models.js';

type Names = readonly (string | number)[];

/**
 * The random numbers of a step.
 * @param input what makes tensors of the host's numbers; default: those of the first step, for a draw outside of a
 *   training
 */
export function createStepRng(seed: number, names: Names = [], input: HostInput = firstStep): StepRng {
  let place = 0;
  const draw = (shape: readonly number[], numbers: (size: number, key: string) => Float32Array): tf.Tensor => {
    if (!Array.isArray(shape))
      throw new KdError(
        'USAGE',
        'the random numbers of a step are tensors, not numbers, since a compiled step runs no code of the host: give uniform and normal a shape, e.g. step.rng.uniform([]).',
      );
    const at = place++;
    const size = shape.reduce((product, side) => product * side, 1);
    return input(shape, ({ step, micro = 0 }) => numbers(size, JSON.stringify([seed, ...names, step, micro, at])));
  };
  return {
    uniform: (shape) => draw(shape, uniforms),
    normal: (shape) => draw(shape, normals),
    stream: (...more) => createStepRng(seed, [...names, ...more], input),
  };
}

const firstStep = inputsAt({ step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 });

/**
 * Counter-based, as millions of numbers a step must cost little: number i is a mix of i with two words of the key.
 * 24 bits each, so that float32 holds them exactly.
 */
function uniforms(size: number, key: string): Float32Array {
  const [first, second] = [hash(key), hash(`${key} `)];
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = (avalanche(avalanche(i + first) ^ second) >>> 8) * 2 ** -24;
  return values;
}

/** Box and Muller, 1958. */
function normals(size: number, key: string): Float32Array {
  const [radius, angle] = [uniforms(size, `${key} radius`), uniforms(size, `${key} angle`)];
  return radius.map((u, i) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * angle[i]!));
}

import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { type Layer, variableOf, weightName, weightOf } from './layers/layer-weight.js';

/** How a kernel [kh, kw, in, out] or [in, out] starts. */
export type KernelInit =
  /** Normal, deviation sqrt(2 / fan out): torchvision's ResNet. */
  | { readonly kind: 'kaiming-normal-fan-out' }
  /** Uniform in ±sqrt(3 / fan in): Kaiming-uniform with a = 1, torchvision's FPN. */
  | { readonly kind: 'kaiming-uniform' }
  /** Uniform in ±1 / sqrt(fan in): torch's default of a linear layer. */
  | { readonly kind: 'uniform-fan-in' }
  | { readonly kind: 'normal'; readonly deviation: number };

export interface LayerInit {
  readonly kernel: KernelInit;
  /** Default 0; `uniform-fan-in` as of the kernel. */
  readonly bias?: number | 'uniform-fan-in';
}

/**
 * Fills kernels and biases. Every kernel has a random stream of its own, from the seed and the layer's path: a layer
 * starts with the same values whatever else the network holds. Norms start at scale 1, shift 0 by themselves.
 */
export function initialiseLayers(layers: readonly Layer[], seed: number, initOf: (layer: string) => LayerInit): void {
  for (const layer of layers) {
    for (const weight of layer.weights) {
      const name = weightName(weight);
      if (name !== 'kernel' && name !== 'bias') continue;
      const variable = variableOf(weight);
      const { kernel, bias = 0 } = initOf(layer.name);
      const value =
        name === 'kernel'
          ? tf.tensor(kernelValues(variable.shape, kernel, seed, layer.name), variable.shape)
          : bias === 'uniform-fan-in'
            ? tf.tensor(biasValues(layer, seed))
            : tf.fill(variable.shape, bias);
      variable.assign(value);
      value.dispose();
    }
  }
}

function biasValues(layer: Layer, seed: number): Float32Array {
  const { shape } = weightOf(layer, 'kernel')!;
  const out = shape.at(-1)!;
  const fanIn = shape.reduce((product, n) => product * n, 1) / out;
  return uniforms(out, fastUniform(seed, `${layer.name}/bias`), 1 / Math.sqrt(fanIn));
}

/** In a loop: `Float32Array.from` takes six times as long, a second for the box head of Faster R-CNN. */
function uniforms(size: number, next: () => number, bound: number): Float32Array {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = (2 * next() - 1) * bound;
  return values;
}

/** [kh, kw, in, out] values of a kernel. */
export function kernelValues(shape: readonly number[], init: KernelInit, seed: number, path: string): Float32Array {
  const size = shape.reduce((product, n) => product * n, 1);
  const out = shape.at(-1)!;
  const input = shape.at(-2)!;
  const area = size / (out * input);
  const next = fastUniform(seed, path);
  if (init.kind === 'kaiming-uniform' || init.kind === 'uniform-fan-in')
    return uniforms(size, next, Math.sqrt((init.kind === 'kaiming-uniform' ? 3 : 1) / (area * input)));
  return normals(size, next, init.kind === 'normal' ? init.deviation : Math.sqrt(2 / (area * out)));
}

/** Marsaglia's polar method: two normal values of one accepted pair. */
function normals(size: number, next: () => number, deviation: number): Float32Array {
  const values = new Float32Array(size + 1);
  for (let i = 0; i < size; i += 2) {
    let x: number;
    let y: number;
    let square: number;
    do {
      x = 2 * next() - 1;
      y = 2 * next() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = deviation * Math.sqrt((-2 * Math.log(square)) / square);
    values[i] = x * factor;
    values[i + 1] = y * factor;
  }
  return values.slice(0, size);
}

/** Uniform in [0, 1) with 32 bits: sfc32 (Doty-Humphrey), since a network starts from tens of millions of numbers. */
function fastUniform(seed: number, path: string): () => number {
  const rng = createRng(seed, 'weights', path);
  const word = (): number => rng.int(0, 0x7fffffff) | 0;
  let [a, b, c, counter] = [word(), word(), word(), 1];
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
}

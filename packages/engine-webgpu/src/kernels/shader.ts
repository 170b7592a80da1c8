import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';

/** A program of ours in WGSL, with the functions for shapes that TensorFlow.js puts around it. */
export interface Shader {
  /** One that differs in more than ranks and types needs another. */
  readonly key: string;
  /** Defines `fn main(index : i32)`. */
  readonly code: string;
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  /** Whole numbers in `uniforms`, and such of 32 bits. */
  readonly whole?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  /** Groups of {@link GROUP} threads; default: a thread for each element, 64 in a group. */
  readonly groups?: number;
}

/** Threads of a group that works together. */
export const GROUP = 256;

export function runShader(
  { key, code, inputs, shape, dtype, whole = {}, floats = {}, groups }: Shader,
  backend: WebGPUBackend,
): tf.TensorInfo {
  const outputShape = [...shape];
  const threads = groups === undefined ? 64 : GROUP;
  const size = outputShape.reduce((a, b) => a * b, 1);
  const fields = (of: object, type: string): string[] => Object.keys(of).map((name) => `${name} : ${type},`);
  const values = (of: Readonly<Record<string, number>>, type: string) =>
    Object.values(of).map((value) => ({ type, data: [value] }));
  return backend.runWebGPUProgram(
    {
      variableNames: Object.keys(inputs),
      uniforms: [...fields(whole, 'i32'), ...fields(floats, 'f32')].join(' '),
      outputShape,
      workgroupSize: [threads, 1, 1],
      dispatchLayout: { x: outputShape.map((_, axis) => axis) },
      dispatch: [groups ?? Math.ceil(size / threads), 1, 1],
      size: true,
      shaderKey: `kd ${key}`,
      getUserCode: () => code,
    },
    Object.values(inputs),
    dtype,
    [...values(whole, 'int32'), ...values(floats, 'float32')],
  );
}

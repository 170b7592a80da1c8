import type * as tf from '@tensorflow/tfjs-core';

/** What runs the tensors: a backend of TensorFlow.js, found, started and made current. */
export interface Engine {
  readonly name: string;
  /** Makes the backend current. Idempotent. @throws KdError ENGINE_UNAVAILABLE with what to install. */
  start(): Promise<EngineInfo>;
  /** Runs one eager op of native TensorFlow, where the engine has it. Valid after `start`. */
  runOp?(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[];
}

export interface OpAttribute {
  readonly name: string;
  readonly type: 'int' | 'float' | 'bool' | 'string' | 'type' | 'shape' | 'int[]' | 'string[]';
  readonly value: number | boolean | string | readonly number[] | readonly string[];
}

export interface EngineInfo {
  readonly name: string;
  /** Name of the TensorFlow.js backend. */
  readonly backend: string;
  /** Version of the library behind the backend. */
  readonly version: string;
  /** Where the library lies, or null for a backend without one. */
  readonly library: string | null;
  readonly device: 'cpu' | 'gpu';
  readonly threads: number;
}

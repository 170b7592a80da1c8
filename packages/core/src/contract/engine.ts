import type * as tf from '@tensorflow/tfjs-core';

/** What runs the tensors: a backend of TensorFlow.js, found, started and made current. */
export interface Engine {
  readonly name: string;
  /** Makes the backend current. Idempotent. @throws KdError ENGINE_UNAVAILABLE with what to install. */
  start(): Promise<EngineInfo>;
  /** What it can do on this machine. Valid after `start`. */
  capabilities(): EngineCapabilities;
  /** Runs one eager op of native TensorFlow, where the engine has it. Valid after `start`. */
  runOp?(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[];
}

/** What an engine declares, so that nobody asks which engine it is. */
export interface EngineCapabilities {
  /** Names of the kernels of TensorFlow.js that it runs, see `kernelsOf`; a run that needs another one is refused. */
  readonly kernels: ReadonlySet<string>;
  /** Whether `dataSync` works; otherwise data are read by `await tensor.data()` alone. */
  readonly syncReads: boolean;
  /** Whether it has {@link Engine.runOp}. */
  readonly nativeOps: boolean;
  /** Whether it compiles steps. */
  readonly compile: boolean;
  /** What it computes floats in, the usual one first. */
  readonly precision: readonly ('float32' | 'bfloat16' | 'float16')[];
  readonly threads: number;
  readonly device: 'cpu' | 'gpu';
  /** What the device calls itself, such as the model of a processor. */
  readonly deviceName: string;
  /** Bytes that all its tensors together may take; null where only the machine's own memory limits them. */
  readonly memoryLimit: number | null;
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
  /** Bytes that all its tensors together may take, where the engine limits them. */
  readonly memoryLimit?: number;
}

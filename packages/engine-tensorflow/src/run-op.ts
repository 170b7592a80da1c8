import { KdError, type OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Binding } from './binding.js';
import type { TensorflowBackend } from './kernels.js';

interface ExecutingBackend extends TensorflowBackend {
  executeMultipleOutputs(name: string, attributes: readonly NativeAttribute[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[];
}

interface NativeAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: OpAttribute['value'];
}

/** The current backend, if it is ours. @throws KdError USAGE */
export function currentBackend(): ExecutingBackend {
  if (tf.getBackend() !== 'tensorflow') {
    throw new KdError('USAGE', `native ops run on the tensorflow engine only, the current backend is "${tf.getBackend()}". Call \`await tensorflow().start()\` first.`);
  }
  return tf.backend() as ExecutingBackend;
}

/**
 * Runs one eager op of native TensorFlow by its name, such as `FusedBatchNormV3` or `ReluGrad`. It has no gradient: wrap
 * it in `tf.customGrad` inside a tape. Types, as all attributes, have to be given (`{ name: 'T', type: 'type', value: 'float32' }`).
 * @throws Error of TensorFlow for an unknown op or attributes and inputs that do not fit
 */
export function runOp(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[] {
  const backend = currentBackend();
  return backend.executeMultipleOutputs(name, attributes.map((attribute) => nativeAttribute(name, attribute, backend.binding)), inputs, outputs);
}

const ATTRIBUTE_TYPES = {
  int: 'TF_ATTR_INT',
  'int[]': 'TF_ATTR_INT',
  float: 'TF_ATTR_FLOAT',
  bool: 'TF_ATTR_BOOL',
  string: 'TF_ATTR_STRING',
  type: 'TF_ATTR_TYPE',
  shape: 'TF_ATTR_SHAPE',
} as const;

const DTYPES: Readonly<Record<string, `TF_${string}`>> = {
  float32: 'TF_FLOAT', int32: 'TF_INT32', int64: 'TF_INT64', bool: 'TF_BOOL', string: 'TF_STRING', complex64: 'TF_COMPLEX64', uint8: 'TF_UINT8',
};

function nativeAttribute(op: string, { name, type, value }: OpAttribute, binding: Binding): NativeAttribute {
  // One string for the list, as native/string_lists.cc reads it; a list of none is a string of none, too.
  if (type === 'string[]') return { name, type: binding.TF_ATTR_STRING as number, value: (value as readonly string[]).map((item) => `\x1f${item}`).join('') };
  const number = binding[ATTRIBUTE_TYPES[type]] as number;
  if (type !== 'type') return { name, type: number, value };
  const dtype = DTYPES[String(value)];
  if (dtype === undefined) throw new KdError('USAGE', `attribute "${name}" of ${op}: "${String(value)}" is no dtype; known are ${Object.keys(DTYPES).join(', ')}.`);
  return { name, type: number, value: binding[dtype] as number };
}

import { KdError, type OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Binding } from './binding.js';
import type { TensorflowBackend } from './kernels.js';
import { ownConvolution } from './own-convolutions.js';

/** The current backend, if it is ours. @throws KdError USAGE */
export function currentBackend(): TensorflowBackend {
  if (tf.getBackend() !== 'tensorflow') {
    throw new KdError(
      'USAGE',
      `native ops run on the tensorflow engine only, the current backend is "${tf.getBackend()}". Call \`await tensorflow().start()\` first.`,
    );
  }
  return tf.backend() as TensorflowBackend;
}

/**
 * Runs one eager op of native TensorFlow by its name, such as `FusedBatchNormV3` or `ReluGrad`. It has no gradient:
 * wrap
 * it in `tf.customGrad` inside a tape. Types, as all attributes without a default, have to be given:
 * `{ name: 'T', type: 'type', value: 'float32' }`; a list of types is `['float32', 'int32']`.
 * @throws KdError USAGE for an unknown type, or on another backend
 * @throws Error of TensorFlow for an unknown op, or attributes and inputs that do not fit it
 */
export function runOp(
  name: string,
  attributes: readonly OpAttribute[],
  inputs: readonly tf.Tensor[],
  outputs: number,
): tf.Tensor[] {
  const backend = currentBackend();
  const quicker = ownConvolution(backend, name, attributes, inputs);
  if (quicker !== null) return [quicker];
  if (name === '_FusedConv2D' && convolvesApart(backend.binding)) {
    const fused = attributes.find((attribute) => attribute.name === 'fused_ops')!.value as readonly string[];
    if (fused.every((op) => APART.has(op))) return convolvedApart(fused, attributes, inputs);
  }
  const native = attributes.map((attribute) => ({
    name: attribute.name,
    ...nativeValue(name, attribute, backend.binding),
  }));
  return backend.executeMultipleOutputs(name, native, inputs, outputs);
}

/** @see Engine.fromHalves */
export function fromHalves(values: Uint16Array, shape: readonly number[]): tf.Tensor {
  const backend = currentBackend();
  const { binding } = backend;
  const id = binding.createTensor([...shape], binding.TF_HALF as number, values);
  try {
    const types = { SrcT: binding.TF_HALF as number, DstT: binding.TF_FLOAT as number };
    const attributes = Object.entries(types).map(([name, value]) => ({
      ...{ name, type: binding.TF_ATTR_TYPE as number, value },
    }));
    return backend.createOutputTensor(binding.executeOp('Cast', attributes, [id], 1)[0]!);
  } finally {
    binding.deleteTensor(id);
  }
}

const convolvesApart = (binding: Binding): boolean =>
  binding.isUsingGpuDevice() || binding.compilesWithXla() || binding.isTraceInHalf();

const APART = new Set(['BiasAdd', 'Relu', 'Relu6']);

/**
 * A card has no fused kernel for a bias without an activation behind it, XLA has none, and fewer bits have none but
 * those that grappler makes of the ops.
 */
function convolvedApart(
  fused: readonly string[],
  attributes: readonly OpAttribute[],
  [x, kernel, ...others]: readonly tf.Tensor[],
): tf.Tensor[] {
  const type = attributes.filter(({ name }) => name === 'T');
  const ofConvolution = attributes.filter(({ name }) => !OF_FUSED.has(name));
  return tf.tidy(() =>
    fused.reduce(
      (map, op) => runOp(op, type, op === 'BiasAdd' ? [...map, others.shift()!] : map, 1),
      runOp('Conv2D', ofConvolution, [x!, kernel!], 1),
    ),
  );
}

const OF_FUSED = new Set(['num_args', 'TArgs', 'num_host_args', 'fused_ops', 'epsilon', 'leakyrelu_alpha']);

const ATTRIBUTE_TYPES = {
  int: 'TF_ATTR_INT',
  'int[]': 'TF_ATTR_INT',
  float: 'TF_ATTR_FLOAT',
  bool: 'TF_ATTR_BOOL',
  string: 'TF_ATTR_STRING',
  'string[]': 'TF_ATTR_STRING',
  type: 'TF_ATTR_TYPE',
  shape: 'TF_ATTR_SHAPE',
} as const;

const DTYPES: Readonly<Record<string, `TF_${string}`>> = {
  float32: 'TF_FLOAT',
  int32: 'TF_INT32',
  int64: 'TF_INT64',
  bool: 'TF_BOOL',
  string: 'TF_STRING',
  complex64: 'TF_COMPLEX64',
  uint8: 'TF_UINT8',
};

function nativeValue(
  op: string,
  { name, type, value }: OpAttribute,
  binding: Binding,
): { type: number; value: OpAttribute['value'] } {
  const native = binding[ATTRIBUTE_TYPES[type]] as number;
  if (type !== 'type') return { type: native, value };
  return {
    type: native,
    value: Array.isArray(value)
      ? value.map((dtype) => typeNumber(op, name, dtype, binding))
      : typeNumber(op, name, value, binding),
  };
}

function typeNumber(op: string, name: string, dtype: unknown, binding: Binding): number {
  const constant = DTYPES[String(dtype)];
  if (constant === undefined)
    throw new KdError(
      'USAGE',
      `attribute "${name}" of ${op}: "${String(dtype)}" is no type; known are ${Object.keys(DTYPES).join(', ')}.`,
    );
  return binding[constant] as number;
}

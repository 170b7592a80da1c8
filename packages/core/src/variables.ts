import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor, NamedTensors } from './contract/checkpoint.js';
import type { Detector } from './contract/detector.js';
import type { Distiller } from './plugins/plugin-host.js';
import { KdError } from './errors.js';
import { checkFinite } from './finite.js';
import { hostFloats } from './host-floats.js';

/** A variable that the optimiser moves. */
export interface TrainedVariable {
  /** `student/<path>` or `plugin/<id>/<name>` */
  readonly path: string;
  readonly variable: tf.Variable;
  /** Factor of the learning rate. */
  readonly lr: number;
  /** Decay of its own, else the optimiser's. */
  readonly weightDecay: number | undefined;
}

/** Trainable variables of the student and the plugins, in a fixed order. */
export function trainedVariables(student: Detector, distillers: readonly Distiller[]): TrainedVariable[] {
  const own = student.variables
    .filter(({ trainable }) => trainable)
    .map(({ path, variable }) => ({ path: `student/${path}`, variable, lr: 1, weightDecay: undefined }));
  const theirs = distillers.flatMap(({ variables }) =>
    variables
      .filter(({ trainable }) => trainable)
      .map(({ path, variable, lr, weightDecay }) => ({ path: `plugin/${path}`, variable, lr: lr ?? 1, weightDecay })),
  );
  return [...own, ...theirs];
}

/** A float32 or int32 tensor as a host tensor. */
export async function toHost(tensor: tf.Tensor): Promise<HostTensor> {
  const data = await tensor.data();
  if (data instanceof Float32Array) return { dtype: 'F32', shape: tensor.shape, data };
  if (data instanceof Int32Array) return { dtype: 'I32', shape: tensor.shape, data };
  return { dtype: 'BOOL', shape: tensor.shape, data };
}

/** Puts a value of the same shape into a variable. */
export function assignHost(variable: tf.Variable, value: HostTensor): void {
  const tensor = tf.tensor(
    variable.dtype === 'int32' ? Int32Array.from(hostFloats(value)) : hostFloats(value),
    variable.shape,
    variable.dtype,
  );
  variable.assign(tensor);
  tensor.dispose();
}

/**
 * Loads named tensors into a detector.
 * @param where the file, for errors
 * @throws KdError CHECKPOINT_INVALID listing what is missing, unexpected or of another shape
 */
export function loadDetector(detector: Detector, tensors: NamedTensors, where: string): void {
  const { missing, other, told } = differences(detector, tensors);
  if (missing.length + other.length > 0) {
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where} does not hold the weights of this ${detector.name}: ${told}. Give the options with which the checkpoint was trained.`,
    );
  }
  checkFinite(
    detector.variables.map(({ path }) => [path, tensors.get(path)!]),
    where,
  );
  for (const { path, variable } of detector.variables) assignHost(variable, tensors.get(path)!);
}

/**
 * Sets the variables that fit by name and shape and leaves the others as they are: a detector from a backbone, or from
 * another list of classes.
 * @returns what did not match, both ways; empty when everything did
 * @throws KdError CHECKPOINT_INVALID when nothing fits
 */
export function loadMatching(detector: Detector, tensors: NamedTensors, where: string): string {
  const { fitting, told } = differences(detector, tensors);
  if (fitting.length === 0)
    throw new KdError('CHECKPOINT_INVALID', `${where} holds nothing that fits this ${detector.name}: ${told}.`);
  checkFinite(
    fitting.map(({ path }) => [path, tensors.get(path)!]),
    where,
  );
  for (const { path, variable } of fitting) assignHost(variable, tensors.get(path)!);
  return told;
}

function differences(detector: Detector, tensors: NamedTensors) {
  const missing: string[] = [];
  const other: string[] = [];
  const fitting: Detector['variables'][number][] = [];
  for (const entry of detector.variables) {
    const { path, variable } = entry;
    const value = tensors.get(path);
    if (value === undefined) missing.push(path);
    else if (value.shape.join() !== variable.shape.join())
      other.push(`${path} [${value.shape.join(', ')}] instead of [${variable.shape.join(', ')}]`);
    else fitting.push(entry);
  }
  const wanted = new Set(detector.variables.map(({ path }) => path));
  const unexpected = [...tensors.keys()].filter((path) => !wanted.has(path));
  const told = [some('missing', missing), some('of another shape', other), some('not used', unexpected)]
    .filter(Boolean)
    .join('; ');
  return { missing, other, fitting, told };
}

const some = (what: string, names: readonly string[]): string =>
  names.length === 0 ? '' : `${names.length} ${what} (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''})`;

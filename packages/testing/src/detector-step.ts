import { type Detector, deviceBatch, disposeAll, type HostBatch } from '@kd/core';
import { computeStep, type StepModels, trainedVariables } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { hostReads } from './host-reads.js';

export const valuesOf = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());

/** Equal but for float32 rounding of another order of operations, relative to the largest value. */
export function closeTo(actual: tf.Tensor, expected: tf.Tensor, what: string): void {
  expect(actual.shape, what).toEqual(expected.shape);
  const [a, b] = [valuesOf(actual), valuesOf(expected)];
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  const worst = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
  expect(worst / largest, `${what}: largest difference relative to the largest value`).toBeLessThan(1e-5);
}

/** An object with one member replaced, also where it is an instance of a class. */
export function withMember<T extends object, K extends keyof T>(of: T, name: K, member: T[K]): T {
  return new Proxy(of, {
    get: (target, key) => {
      const value: unknown = key === name ? member : Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export interface DetectorStep {
  readonly terms: Readonly<Record<string, { readonly shape: readonly number[]; readonly value: number }>>;
  readonly gradients: ReadonlyMap<string, readonly number[]>;
  /** Where it read a tensor on the host. */
  readonly reads: readonly string[];
}

/** One step of a detector alone, as numbers. Its variables stay as they are. */
export function detectorStep(detector: Detector, batch: HostBatch): DetectorStep {
  const onDevice = deviceBatch(batch);
  const shapes: Record<string, readonly number[]> = {};
  const terms: Detector['terms'] = (...inputs) => {
    const named = detector.terms(...inputs);
    for (const [name, term] of Object.entries(named)) shapes[name] = term.shape;
    return named;
  };
  const watched = withMember(detector, 'terms', terms);
  const variables = trainedVariables(detector, []).map((one) => ({ ...one, path: one.path.slice('student/'.length) }));
  try {
    const models: StepModels = {
      student: watched,
      teacher: null,
      distillers: [],
      taps: { student: [], teacher: [] },
      variables,
      seed: 0,
    };
    const progress = { step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 };
    const { result: made, reads } = hostReads(() => computeStep(models, onDevice.images, onDevice.targets, progress));
    const { names, terms: stacked, gradients, updates } = made;
    const values = valuesOf(stacked);
    const result: DetectorStep = {
      terms: Object.fromEntries(names.map((name, i) => [name, { shape: shapes[name]!, value: values[i]! }])),
      gradients: new Map([...gradients].map(([path, gradient]) => [path, valuesOf(gradient)])),
      reads,
    };
    tf.dispose([stacked, ...gradients.values(), ...updates.map(({ value }) => value)]);
    return result;
  } finally {
    disposeAll(onDevice);
  }
}

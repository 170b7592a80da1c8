import { type Detector, type DetectorOutput, parseOptions, type Targets } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { atss, type AtssInput, gfl } from './index.js';

// Expected numbers: `python tests/reference/atss_gfl_losses.py`, an independent calculation in float64 with torch 2.6.

const SIZES = [8, 4, 2];
const options: AtssInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  extra: 'none',
  fpnChannels: 2,
  head: { depth: 0, norm: 'none' },
  anchorScale: 2,
};
const categories = ['a', 'b', 'c'].map((name, id) => ({ id, name }));

/** Maps [2, n, n, channels] of all levels: sines of the index. */
const wave = (channels: number, phase: number, amplitude: number, shift = 0): tf.Tensor4D[] =>
  SIZES.map((n, level) =>
    tf.tensor4d(
      Float32Array.from(
        { length: 2 * n * n * channels },
        (_, i) => amplitude * Math.sin(0.7 * i + phase + level) + shift,
      ),
      [2, n, n, channels],
    ),
  );

const targets = (): Targets => ({
  boxes: tf.tensor3d([
    [
      [10, 12, 52, 50],
      [28, 14, 56, 54],
      [6, 34, 22, 60],
      [33, 36, 43, 46],
    ],
    [
      [4, 20, 28, 56],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ]),
  labels: tf.tensor2d(
    [
      [1, 2, 0, 1],
      [2, 0, 0, 0],
    ],
    [2, 4],
    'int32',
  ),
  mask: tf.tensor2d([
    [1, 1, 1, 1],
    [1, 0, 0, 0],
  ]),
  imageSizes: [
    [64, 64],
    [50, 31],
  ],
  paddedSize: [64, 64],
  ids: [1, 2],
});

interface Expected {
  readonly positives: readonly number[];
  readonly terms: Readonly<Record<string, number>>;
  /**
   * Of the gradient of the sum of all terms: its norm, and its product with the cosines of the index, over all levels.
   */
  readonly gradients: Readonly<Record<string, readonly [norm: number, mixed: number]>>;
}

function check(detector: Detector, maps: Readonly<Record<string, tf.Tensor4D[]>>, expected: Expected): void {
  tf.tidy(() => {
    const truth = targets();
    const levels = maps['cls']!;
    const priors = detector.priors({ levels, predictions: {}, taps: {}, updates: [] }, truth.paddedSize);
    const assignment = detector.assign(priors, truth);
    expect(assignment.positives.arraySync()).toEqual(expected.positives);
    const names = Object.keys(maps);
    const termsOf = (flat: readonly tf.Tensor[]): Record<string, tf.Scalar> => {
      const predictions = Object.fromEntries(
        names.map((name, i) => [name, flat.slice(i * SIZES.length, (i + 1) * SIZES.length) as tf.Tensor4D[]]),
      );
      return detector.terms(
        { levels, predictions, taps: {}, updates: [] } satisfies DetectorOutput,
        priors,
        assignment,
        truth,
      ) as Record<string, tf.Scalar>;
    };
    const inputs = names.flatMap((name) => maps[name]!);
    const terms = termsOf(inputs);
    expect(Object.keys(terms)).toEqual(Object.keys(expected.terms));
    for (const [name, value] of Object.entries(expected.terms))
      expect(terms[name]!.dataSync()[0]! / value, name).toBeCloseTo(1, 5);
    const gradients = tf.grads((...flat: tf.Tensor[]) => tf.addN(Object.values(termsOf(flat))))(inputs);
    for (const [name, [norm, mixed]] of Object.entries(expected.gradients)) {
      const at = names.indexOf(name) * SIZES.length;
      const flat = tf.concat(gradients.slice(at, at + SIZES.length).map((gradient) => tf.reshape(gradient, [-1])));
      expect(tf.norm(flat).dataSync()[0], `norm of ${name}`).toBeCloseTo(norm, 5);
      expect(tf.sum(tf.mul(flat, tf.cos(tf.range(0, flat.size)))).dataSync()[0], `gradient of ${name}`).toBeCloseTo(
        mixed,
        5,
      );
    }
  });
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('losses and their gradients', () => {
  it('are those of ATSS', () => {
    const detector = atss.definition.create(parseOptions(atss.definition.options, options, 'atss'), {
      categories,
      seed: 1,
    });
    check(
      detector,
      { cls: wave(3, 0.1, 2, -1), reg: wave(4, 0.2, 4), centerness: wave(1, 0.3, 1.5) },
      {
        positives: [9, 2],
        terms: { classification: 4.7131333, bbox_regression: 1.8493027, bbox_ctrness: 0.8627788 },
        gradients: { cls: [0.4831672, -0.1520361], reg: [0.0631642, -0.0704886], centerness: [0.1036724, -0.0132217] },
      },
    );
    detector.dispose();
  });

  it('are those of GFL', () => {
    const detector = gfl.definition.create(parseOptions(gfl.definition.options, { ...options, regMax: 4 }, 'gfl'), {
      categories,
      seed: 1,
    });
    check(
      detector,
      { cls: wave(3, 0.4, 2, -1), reg: wave(20, 0.5, 1.5) },
      {
        positives: [9, 2],
        terms: { classification: 6.0442613, bbox_regression: 1.8743648, bbox_distribution: 0.511185 },
        gradients: { cls: [0.6391582, -0.2049205], reg: [0.1377716, -0.067692] },
      },
    );
    detector.dispose();
  });
});

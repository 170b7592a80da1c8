import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { mapFilter } from './axis-filter.js';
import { axisPlans } from './axis-plan.js';
import { settingsSchema, type SsimOptions } from './settings.js';
import { axisMatrix } from './window.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const OPTIONS: SsimOptions[] = [
  ...(['reflect', 'valid', 'renorm'] as const).flatMap((padding) => [
    { padding },
    { padding, window: 3, sigma: 0.8 },
    { padding, window: 7, windowType: 'uniform' as const },
  ]),
  // Outer taps that are 0 in float32
  { window: 11, sigma: 0.3 },
  { window: 1 },
];

describe('mapFilter', () => {
  it('is the product with its banded matrices, and its adjoint that with their transposes', () => {
    for (const options of OPTIONS) {
      const settings = v.parse(settingsSchema, options);
      for (const [h, w] of [
        [1, 2],
        [5, 7],
        [12, 21],
        [23, 40],
        [64, 13],
      ] as const) {
        tf.tidy(() => {
          const [rows, columns] = [axisMatrix(h, settings), axisMatrix(w, settings)];
          const [down, across] = [
            tf.tensor2d(rows.values, [rows.out, h]),
            tf.tensor2d(columns.values, [columns.out, w]),
          ];
          const filter = mapFilter(h, w, settings);
          expect(filter.size).toEqual([rows.out, columns.out]);
          const planes = (map: tf.Tensor4D): tf.Tensor4D => tf.transpose(map, [0, 3, 1, 2]);
          const map = tf.randomNormal<tf.Rank.R4>([2, h, w, 3], 0, 1, 'float32', 1);
          const wanted = tf.matMul(tf.matMul(down, planes(map)), across, false, true);
          expect(tf.max(tf.abs(tf.sub(planes(filter.forward(map)), wanted))).dataSync()[0]).toBeLessThan(1e-6);
          const gradient = tf.randomNormal<tf.Rank.R4>([2, rows.out, columns.out, 3], 0, 1, 'float32', 2);
          const back = tf.matMul(tf.matMul(down, planes(gradient), true), across);
          expect(tf.max(tf.abs(tf.sub(planes(filter.adjoint(gradient)), back))).dataSync()[0]).toBeLessThan(1e-6);
        });
      }
    }
  });

  it('takes long axes as one correlation with small edges', () => {
    const settings = v.parse(settingsSchema, { padding: 'reflect' });
    const { forward, adjoint } = axisPlans(axisMatrix(50, settings));
    expect([forward.top?.rows, forward.middle?.columns, forward.bottom?.rows]).toEqual([5, 50, 5]);
    expect([adjoint.top?.rows, adjoint.bottom?.rows]).toEqual([6, 6]);
    const valid = axisPlans(axisMatrix(50, { ...settings, padding: 'valid' }));
    expect([valid.forward.top, valid.forward.middle?.padding, valid.forward.bottom]).toEqual([null, [0, 0], null]);
    expect([valid.adjoint.top, valid.adjoint.middle?.padding, valid.adjoint.bottom]).toEqual([null, [10, 10], null]);
  });
});

describe('axisMatrix', () => {
  it('has rows that sum to 1, whatever the axis and the border rule', () => {
    for (const options of OPTIONS) {
      for (let n = 1; n <= 30; n++) {
        const { out, in: columns, values } = axisMatrix(n, v.parse(settingsSchema, options));
        expect(columns).toBe(n);
        for (let i = 0; i < out; i++)
          expect(values.subarray(i * n, (i + 1) * n).reduce((sum, tap) => sum + tap, 0)).toBeCloseTo(1, 6);
      }
    }
  });

  it('shrinks the window of valid to the largest odd size that fits, and drops 10 cells of 11 taps otherwise', () => {
    const settings = v.parse(settingsSchema, { padding: 'valid' });
    expect([1, 2, 3, 4, 10, 11, 12, 20].map((n) => axisMatrix(n, settings).out)).toEqual([1, 2, 1, 2, 2, 1, 2, 10]);
  });

  it('mirrors from 6 cells on and cuts the window below', () => {
    const reflect = v.parse(settingsSchema, {});
    const renorm = v.parse(settingsSchema, { padding: 'renorm' });
    expect([...axisMatrix(5, reflect).values]).toEqual([...axisMatrix(5, renorm).values]);
    expect([...axisMatrix(6, reflect).values]).not.toEqual([...axisMatrix(6, renorm).values]);
  });
});

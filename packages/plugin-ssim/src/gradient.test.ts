import '@tensorflow/tfjs-backend-cpu';
import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { settingsSchema, type SsimOptions, type SsimSettings } from './settings.js';
import { featureLoss } from './ssim-loss.js';
import { axisMatrix } from './window.js';

// The formula once more in float64 on plain arrays, and central differences of it: nothing in common with the code that
// is tested
// but the window's matrices.

type Shape = [number, number, number, number];
const SHAPE: Shape = [2, 7, 8, 2];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const settingsOf = (options: SsimOptions): SsimSettings => v.parse(settingsSchema, options);

function reference(s: Float64Array, t: Float64Array, settings: SsimSettings, loss: 'ssim' | 'l1' | 'l2'): number {
  const [n, h, w, c] = SHAPE;
  const plane = (values: Float64Array, image: number, channel: number): number[][] =>
    Array.from({ length: h }, (_, y) =>
      Array.from({ length: w }, (_, x) => values[((image * h + y) * w + x) * c + channel]!),
    );
  const scopeOf = (values: Float64Array, image: number, channel: number): Float64Array =>
    values.filter(
      (_, i) =>
        settings.scope === 'tensor' ||
        (Math.floor(i / (h * w * c)) === image && (settings.scope === 'image' || i % c === channel)),
    );
  const mapped = (values: Float64Array, from: Float64Array, image: number, channel: number): number[][] => {
    const scope = scopeOf(from, image, channel);
    const [low, high] = [Math.min(...scope), Math.max(...scope)];
    return plane(values, image, channel).map((row) =>
      row.map((value) => (high - low < 1e-6 ? 0 : (value - low) / (high - low + 1e-6))),
    );
  };
  const raw = settings.normalize === 'none';
  const range = !raw
    ? 1
    : settings.dynamicRange === 'teacher'
      ? Math.max(...t) - Math.min(...t)
      : settings.dynamicRange;
  const [rows, columns] = [axisMatrix(h, settings), axisMatrix(w, settings)];
  const filter = (map: number[][]): number[][] =>
    Array.from({ length: rows.out }, (_, i) =>
      Array.from({ length: columns.out }, (_, j) => {
        let total = 0;
        for (let y = 0; y < h; y++)
          for (let x = 0; x < w; x++) total += rows.values[i * h + y]! * columns.values[j * w + x]! * map[y]![x]!;
        return total;
      }),
    );
  const power = (z: number, p: number): number => (p === 0 ? 1 : z * ((z * z + 1e-6) / (1 + 1e-6)) ** ((p - 1) / 2));
  const [c1, c2, e] = [(settings.k1 * range) ** 2, (settings.k2 * range) ** 2, 1e-6 * range * range];
  let total = 0;
  let count = 0;
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      const x = raw ? plane(s, image, channel) : mapped(s, settings.rangeFrom === 'teacher' ? t : s, image, channel);
      const y = raw ? plane(t, image, channel) : mapped(t, t, image, channel);
      if (loss !== 'ssim') {
        x.forEach((row, i) =>
          row.forEach((value, j) => ((total += Math.abs(value - y[i]![j]!) ** (loss === 'l1' ? 1 : 2)), count++)),
        );
        continue;
      }
      const product = (a: number[][], b: number[][]): number[][] =>
        a.map((row, i) => row.map((value, j) => value * b[i]![j]!));
      const [mx, my, xx, yy, xy] = [x, y, product(x, x), product(y, y), product(x, y)].map(filter) as [
        number[][],
        number[][],
        number[][],
        number[][],
        number[][],
      ];
      mx.forEach((row, i) =>
        row.forEach((a, j) => {
          const b = my[i]![j]!;
          const [vx, vy, cov] = [xx[i]![j]! - a * a, yy[i]![j]! - b * b, xy[i]![j]! - a * b];
          const luminance = power((2 * a * b + c1) / (a * a + b * b + c1), settings.alpha);
          let rest: number;
          if (settings.beta === settings.gamma) rest = power((2 * cov + c2) / (vx + vy + c2), settings.beta);
          else {
            const [tx, ty] = [Math.max(vx, 0) + e, Math.max(vy, 0) + e];
            const q = Math.sqrt(tx * ty);
            rest =
              power((2 * q + c2) / (tx + ty + c2), settings.beta) *
              power((cov + e + c2 / 2) / (q + c2 / 2), settings.gamma);
          }
          total += (settings.form === 'half' ? 0.5 : 1) * (1 - luminance * rest);
          count++;
        }),
      );
    }
  }
  return total / count;
}

const CASES: [string, SsimOptions, ('ssim' | 'l1' | 'l2')?][] = [
  ['defaults', {}],
  ['uniform window, renorm', { windowType: 'uniform', window: 5, padding: 'renorm' }],
  ['valid', { padding: 'valid', window: 7 }],
  ['full form, scope tensor', { form: 'full', scope: 'tensor' }],
  ['scope channel', { scope: 'channel' }],
  ['range of the teacher', { rangeFrom: 'teacher' }],
  ['luminance alone', { beta: 0, gamma: 0 }],
  ['contrast and structure', { alpha: 0 }],
  ['fractional joint', { alpha: 0.5, beta: 1.5, gamma: 1.5 }],
  ['structure alone', { alpha: 0, beta: 0 }],
  ['contrast alone', { alpha: 0, gamma: 0 }],
  ['all apart', { alpha: 2, beta: 0.5, gamma: 3 }],
  ['raw', { normalize: 'none', dynamicRange: 3 }],
  ['raw, range of the teacher', { normalize: 'none', dynamicRange: 'teacher', beta: 0.5 }],
  ['L1', {}, 'l1'],
  ['L2', { scope: 'channel' }, 'l2'],
  ['raw L2', { normalize: 'none' }, 'l2'],
];

describe('the finished gradient', () => {
  it.each(CASES)('equals differences of the plain formula: %s', (_, options, loss = 'ssim') => {
    const size = SHAPE.reduce((product, side) => product * side, 1);
    const rng = createRng(5, 'gradient');
    const t = Float64Array.from({ length: size }, () => Math.fround(rng.normal()));
    const s = t.map((value) => Math.fround(0.6 * value + 0.7 * rng.normal()));
    const settings = settingsOf(options);
    const [loss32, gradient] = tf.tidy(() => {
      const { value, grad } = tf.valueAndGrad((x) =>
        featureLoss(x as tf.Tensor4D, tf.tensor4d(Float32Array.from(t), SHAPE), loss, settings),
      )(tf.tensor4d(Float32Array.from(s), SHAPE));
      return [value.dataSync()[0]!, Float32Array.from(grad.dataSync())];
    });
    expect(Math.abs(loss32 - reference(s, t, settings, loss))).toBeLessThan(3e-6);

    const step = 1e-5;
    const largest = Math.max(...gradient.map(Math.abs));
    for (const i of [0, 7, 31, 64, 100, 143, 180, 223, s.indexOf(Math.max(...s)), s.indexOf(Math.min(...s))]) {
      const moved = (by: number): number =>
        reference(
          s.map((value, j) => (j === i ? value + by : value)),
          t,
          settings,
          loss,
        );
      expect(Math.abs(gradient[i]! - (moved(step) - moved(-step)) / (2 * step)), `element ${i}`).toBeLessThan(
        1e-3 * largest,
      );
    }
  });

  it('splits what flows through a maximum evenly among ties', () => {
    const values = Float32Array.from({ length: 5 * 6 }, (_, i) => Math.sin(i));
    values[4] = values[22] = 2;
    const student = tf.tensor4d(values, [1, 5, 6, 1]);
    const teacher = tf.tensor4d(
      values.map((_, i) => Math.cos(2 * i)),
      [1, 5, 6, 1],
    );
    const gradient = (detachRange: boolean): Float32Array =>
      tf.tidy(() =>
        Float32Array.from(
          tf
            .grad((x) => featureLoss(x as tf.Tensor4D, teacher, 'ssim', settingsOf({ detachRange })))(student)
            .dataSync(),
        ),
      );
    const [exact, held] = [gradient(false), gradient(true)];
    const through = exact.map((g, i) => g - held[i]!);
    expect(through[4]).toBeCloseTo(through[22]!, 6);
    expect(Math.abs(through[4]!)).toBeGreaterThan(1e-4);
    expect(through.filter((g) => Math.abs(g) > 1e-7).length).toBe(3);
  });
});

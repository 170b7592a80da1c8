import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import { createStepRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { attention, helperLosses, type Linear, linear, mimicLoss, type MimicOptions, sinePosition } from './index.js';
import { sampleInstances } from './sample-instances.js';

beforeAll(() => tf.setBackend('cpu'));

const normal = <R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number): tf.Tensor<R> =>
  tf.randomNormal<R>(shape, 0, 1, 'float32', seed);
const layer = (from: number, to: number, seed: number): Linear => ({
  kernel: normal<tf.Rank.R2>([from, to], seed),
  bias: normal<tf.Rank.R1>([to], seed + 1),
});
const value = (x: tf.Tensor): number => x.dataSync()[0]!;

describe('mimicLoss', () => {
  const layers = { student: layer(3, 4, 1), teacher: layer(5, 4, 3) };
  const [student, teacher] = [() => normal<tf.Rank.R3>([2, 6, 3], 5), () => normal<tf.Rank.R3>([2, 6, 5], 6)];
  const values = (): tf.Tensor3D => linear(teacher(), layers.teacher);
  const looked = (): tf.Tensor4D => tf.softmax(normal<tf.Rank.R4>([2, 2, 3, 6], 7)) as tf.Tensor4D;
  const loss = (real: number[][], options: MimicOptions = {}, trust?: tf.Tensor3D): number =>
    value(
      mimicLoss(
        {
          student: student(),
          values: values(),
          attention: looked(),
          real: tf.tensor2d(real),
          ...(trust && { trust }),
        },
        layers.student,
        options,
      ),
    );

  it('averages image by image and head by head, or all of them together', () => {
    const one = [
      [1, 0, 1],
      [0, 0, 0],
    ];
    const both = [
      [1, 0, 1],
      [1, 0, 1],
    ];
    const other = [
      [0, 0, 0],
      [1, 0, 1],
    ];
    // Softmaxes of two objects an image and head weigh 2 each.
    expect(loss(both)).toBeCloseTo(loss(one) + loss(other), 6);
    expect(loss(both, { variant: 'megengine', eps: 1e-5 })).toBeCloseTo(loss(both), 6);
    // An image without an object counts 0 in the mean of torch's, and not at all in the other.
    expect(loss(one, { variant: 'megengine', eps: 1e-5 })).toBeCloseTo(2 * loss(one), 6);
  });

  it('is 0 without an object, and finite', () => {
    const none = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    expect(loss(none)).toBe(0);
    expect(loss(none, { variant: 'megengine' })).toBe(0);
    const slope = tf.grad((x) =>
      mimicLoss(
        { student: x as tf.Tensor3D, values: values(), attention: looked(), real: tf.tensor2d(none) },
        layers.student,
      ),
    )(student());
    expect(slope.dataSync().every((one) => one === 0)).toBe(true);
  });

  it('takes from the term by doubt, and leaves it as it is at 1', () => {
    const real = [
      [1, 1, 0],
      [1, 0, 0],
    ];
    expect(loss(real, {}, tf.ones([2, 3, 6]))).toBeCloseTo(loss(real), 6);
    expect(loss(real, {}, tf.fill([2, 3, 6], 0.25) as tf.Tensor3D)).toBeCloseTo(loss(real) / 4, 6);
    // What a fake weighs does not count.
    const trust = tf.concat([tf.ones([2, 2, 6]), tf.zeros([2, 1, 6])], 1) as tf.Tensor3D;
    expect(loss(real, {}, trust)).toBeCloseTo(loss(real), 6);
  });

  it('reaches the student and its projection, nothing else', () => {
    const inputs = [student(), teacher(), looked(), layers.student.kernel, layers.teacher.kernel];
    const slopes = tf.grads((s, t, a, own, other) =>
      tf.addN([
        mimicLoss(
          {
            student: s as tf.Tensor3D,
            values: linear(t as tf.Tensor3D, { ...layers.teacher, kernel: other as tf.Tensor2D }),
            attention: a as tf.Tensor4D,
            real: tf.ones([2, 3]),
          },
          { ...layers.student, kernel: own as tf.Tensor2D },
        ),
        ...[t, a, other].map((x) => tf.mul(tf.sum(x!), 0) as tf.Scalar),
      ]),
    )(inputs);
    expect(slopes.map((slope) => value(tf.max(tf.abs(slope))) > 0)).toEqual([true, false, false, true, false]);
  });

  it('refuses other cells', () => {
    expect(() =>
      mimicLoss(
        { student: student(), values: values(), attention: tf.zeros([2, 2, 3, 5]), real: tf.ones([2, 3]) },
        layers.student,
      ),
    ).toThrow(/images and cells must be the same/);
  });
});

describe('attention', () => {
  it('looks at cells of the image alone, and sums to 1', () => {
    const weights = attention(
      {
        cells: normal<tf.Rank.R3>([1, 4, 4], 1),
        positions: normal<tf.Rank.R3>([1, 4, 4], 2),
        padding: tf.tensor2d([[0, 0, 1, 0]]),
        queries: normal<tf.Rank.R3>([1, 2, 4], 3),
      },
      { query: layer(4, 4, 4), key: layer(4, 4, 6), position: layer(4, 4, 8) },
      2,
    );
    expect(weights.shape).toEqual([1, 2, 2, 4]);
    const rows = tf.reshape(weights, [4, 4]).arraySync() as number[][];
    for (const row of rows) {
      expect(row[2]).toBe(0);
      expect(row.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 6);
    }
  });
});

describe('helperLosses', () => {
  const pred = (): tf.Tensor3D => normal<tf.Rank.R3>([1, 3, 5], 1);
  const ltrb = (): tf.Tensor3D =>
    tf.tensor3d([
      [
        [0.1, 0.2, 0.3, 0.2],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    ]);

  it('tells objects from fakes over what is used, and compares edges of objects over their sides', () => {
    const [object, fake] = pred().arraySync()[0]!;
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const { confidence, location } = helperLosses(pred(), {
      real: tf.tensor2d([[1, 0, 0]]),
      unused: tf.tensor2d([[0, 0, 1]]),
      ltrb: ltrb(),
    });
    expect(value(confidence)).toBeCloseTo(-(Math.log(sigmoid(object![0]!)) + Math.log(1 - sigmoid(fake![0]!))) / 2, 5);
    const edges = [0.1, 0.2, 0.3, 0.2];
    const wanted = edges.map((edge, i) => Math.abs(sigmoid(object![i + 1]!) - edge) / 0.4);
    expect(value(location)).toBeCloseTo(
      wanted.reduce((sum, x) => sum + x, 0),
      5,
    );
  });

  it('are 0 with nothing to learn from', () => {
    const none = { real: tf.zeros<tf.Rank.R2>([1, 3]), unused: tf.ones<tf.Rank.R2>([1, 3]), ltrb: ltrb() };
    expect([value(helperLosses(pred(), none).confidence), value(helperLosses(pred(), none).location)]).toEqual([0, 0]);
  });
});

describe('sinePosition', () => {
  it('counts rows and columns of the image, whatever its padding', () => {
    const whole = sinePosition(tf.ones([1, 2, 3]), 8).arraySync()[0]!;
    const padded = sinePosition(
      tf.tensor3d([
        [
          [1, 1, 1, 0],
          [1, 1, 1, 0],
          [0, 0, 0, 0],
        ],
      ]),
      8,
    ).arraySync()[0]!;
    [0, 1, 2, 4, 5, 6].forEach((cell, i) =>
      whole[i]!.forEach((code, channel) => expect(padded[cell]![channel]).toBeCloseTo(code, 5)),
    );
    // The last row is at 2π: sine 0, cosine 1 of the first wavelength.
    expect(whole[5]![0]).toBeCloseTo(0, 4);
    expect(whole[5]![1]).toBeCloseTo(1, 4);
    // The first row of two is at π.
    expect(whole[0]![1]).toBeCloseTo(-1, 4);
  });
});

describe('sampleInstances', () => {
  const targets = (boxes: number[][], mask: number[]) => ({
    boxes: tf.tensor3d(boxes.flat(), [1, boxes.length, 4]),
    labels: tf.tensor2d([boxes.map((_, i) => i)], [1, boxes.length], 'int32'),
    mask: tf.tensor2d([mask], [1, mask.length]),
    imageSizes: [[50, 100]] as [number, number][],
  });
  const options = { classes: 3, fakes: 2, slots: 300, jitter: 0.3 };
  const BOXES = [
    [10, 10, 30, 20],
    [0, 0, 0, 0],
    [5, 5, 5, 40],
  ];

  it('puts objects first, in parts of the image, and their fakes behind', () => {
    const got = sampleInstances(targets(BOXES, [1, 0, 1]), createStepRng(1), options);
    // The third object has no width, the second is padding.
    expect(got.real.arraySync()).toEqual([[1, 0, 0, 0, 0, 0, 0, 0, 0]]);
    expect(got.unused.arraySync()).toEqual([[0, 1, 1, 0, 1, 1, 0, 1, 1]]);
    expect(got.objects).toBe(3);
    const [size, place, edges] = [got.sizes, got.places, got.ltrb].map((x) => (x.arraySync() as number[][][])[0]![0]!);
    expect(size!.map((x) => Number(x.toFixed(5)))).toEqual([0.2, 0.2]);
    expect(Math.abs(place![0]! - 0.2)).toBeLessThanOrEqual(0.06);
    expect(place![0]).not.toBeCloseTo(0.2, 6);
    expect(place![0]! - edges![0]!).toBeCloseTo(0.1, 5);
    expect(place![1]! + edges![3]!).toBeCloseTo(0.4, 5);
    expect(edges!.every((edge) => edge > 0)).toBe(true);
    for (const x of [...got.places.dataSync(), ...got.sizes.dataSync()].slice(6)) expect(x >= 0 && x <= 1).toBe(true);
    for (const label of got.labels.dataSync()) expect([0, 1, 2]).toContain(label);
  });

  it('repeats with the stream, and keeps to the slots', () => {
    const of = (seed: number, slots = 300) =>
      sampleInstances(targets(BOXES, [1, 0, 1]), createStepRng(seed), { ...options, slots });
    expect([...of(1).places.dataSync()]).toEqual([...of(1).places.dataSync()]);
    expect([...of(1).places.dataSync()]).not.toEqual([...of(2).places.dataSync()]);
    expect(of(1, 4).real.shape).toEqual([1, 4]);
    expect(of(1, 2).real.shape).toEqual([1, 2]);
    expect(of(1, 2).objects).toBe(2);
  });

  it('has one row that holds nothing where there is no object', () => {
    const none = sampleInstances(targets([], []), createStepRng(1), options);
    expect([none.real.arraySync(), none.unused.arraySync()]).toEqual([[[0]], [[1]]]);
    const padding = sampleInstances(targets([[0, 0, 0, 0]], [0]), createStepRng(1), options);
    expect(padding.unused.arraySync()).toEqual([[1, 1, 1]]);
  });
});

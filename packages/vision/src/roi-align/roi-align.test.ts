import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { inferredScales, type MultiScaleOptions, multiScaleRoiAlign, roiAlign } from './index.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const plain = { outputSize: 2, samplingRatio: 2, aligned: false, scale: 1 } as const;
/** [1, h, w, 1] whose value at (y, x) is 10 y + x: between the cells a bilinear sample is the same formula. */
const plane = (h: number, w: number): tf.Tensor4D =>
  tf.tensor4d(
    Array.from({ length: h * w }, (_, i) => 10 * Math.floor(i / w) + (i % w)),
    [1, h, w, 1],
  );

/** One region of one channel, sample by sample. */
function bySamples(
  map: number[][][],
  box: readonly number[],
  { bins, scale, aligned }: { readonly bins: number; readonly scale: number; readonly aligned: boolean },
): number[] {
  const f = Math.fround;
  const [x1, y1, x2, y2] = box.map((value) => f(f(value * scale) - (aligned ? 0.5 : 0)));
  const axis = (low: number, high: number, side: number) => {
    const bin = f((aligned ? f(high - low) : Math.max(f(high - low), 1)) / bins);
    const count = Math.max(Math.ceil(bin), 0);
    return Array.from({ length: bins }, (_, i) =>
      Array.from({ length: count }, (__, k) => f(f(low + f(i * bin)) + f(f((k + 0.5) * bin) / count))),
    ).map((positions) => ({
      count,
      taps: positions
        .filter((position) => position >= -1 && position <= side)
        .map((position) => Math.min(Math.max(position, 0), side - 1))
        .map((position) => [Math.floor(position), position - Math.floor(position)] as const),
    }));
  };
  const at = (y: number, x: number): number => map[Math.min(y, map.length - 1)]![Math.min(x, map[0]!.length - 1)]![0]!;
  return axis(y1!, y2!, map.length).flatMap((rows) =>
    axis(x1!, x2!, map[0]!.length).map((columns) => {
      let sum = 0;
      for (const [y, down] of rows.taps)
        for (const [x, right] of columns.taps)
          sum +=
            (1 - down) * ((1 - right) * at(y, x) + right * at(y, x + 1)) +
            down * ((1 - right) * at(y + 1, x) + right * at(y + 1, x + 1));
      return rows.count * columns.count === 0 ? 0 : sum / (rows.count * columns.count);
    }),
  );
}

describe('roiAlign', () => {
  it('gives the value at the centre of each bin on a plane', () => {
    const pooled = roiAlign(plane(8, 8), tf.tensor3d([[[1, 2, 5, 6]]]), plain);
    expect(pooled.shape).toEqual([1, 1, 2, 2, 1]);
    expect([...pooled.dataSync()]).toEqual([32, 34, 52, 54]);
  });

  it('takes half a cell off where it is aligned, and samples by the size where the ratio is 0', () => {
    for (const samplingRatio of [0, 3]) {
      const pooled = roiAlign(plane(8, 8), tf.tensor3d([[[1.5, 2.5, 5.5, 6.5]]]), {
        ...plain,
        samplingRatio,
        aligned: true,
      });
      [32, 34, 52, 54].forEach((value, i) => expect(pooled.dataSync()[i]).toBeCloseTo(value, 4));
    }
  });

  it('widens a region to one cell unless it is aligned, and then pools nothing of an empty one by its size', () => {
    const empty = tf.tensor3d([[[3, 3, 3, 3]]]);
    expect([...roiAlign(plane(8, 8), empty, { ...plain, outputSize: 1 }).dataSync()]).toEqual([38.5]);
    expect([
      ...roiAlign(plane(8, 8), empty, { ...plain, outputSize: 1, samplingRatio: 0, aligned: true }).dataSync(),
    ]).toEqual([0]);
  });

  it.each([2, 0])(
    'counts samples more than a cell outside as 0 and takes nearer ones to the border (ratio %s)',
    (samplingRatio) => {
      const ones = tf.ones<tf.Rank.R4>([1, 4, 4, 1]);
      const values = roiAlign(
        ones,
        tf.tensor3d([
          [
            [-2, 0, 2, 4],
            [0, 0, 4, 8],
          ],
        ]),
        { ...plain, samplingRatio },
      ).dataSync();
      // Bins of two cells with samples at -1.5, -0.5 | 0.5, 1.5, and at 1, 3 | 5, 7 (ratio 2 of bins of four cells: 1,
      // 3; by size: 0.5, 1.5, …).
      expect([...values.slice(0, 4)]).toEqual([0.5, 1, 0.5, 1]);
      expect([...values.slice(4)]).toEqual([1, 1, 0, 0]);
    },
  );

  it.each([2, 0])('hands the map the gradient of what was read, and the boxes none (ratio %s)', (samplingRatio) => {
    const map = tf.randomNormal<tf.Rank.R4>([2, 5, 6, 3], 0, 1, 'float32', 1);
    const boxes = tf.tensor3d([[[0.3, 0.4, 4.7, 3.3]], [[-0.7, 1.2, 5.9, 4.9]]]);
    const seed = tf.randomNormal([2, 1, 2, 2, 3], 0, 1, 'float32', 2);
    const loss = (x: tf.Tensor): tf.Scalar =>
      tf.sum(tf.mul(roiAlign(x as tf.Tensor4D, boxes, { ...plain, samplingRatio }), seed));
    const gradient = tf.grad(loss)(map);
    // The loss is linear in the map, so that its value is the product with the gradient.
    expect(tf.sum(tf.mul(gradient, map)).dataSync()[0]).toBeCloseTo(loss(map).dataSync()[0]!, 4);
    const [bump] = [tf.randomNormal<tf.Rank.R4>(map.shape, 0, 1, 'float32', 3)];
    expect(tf.sum(tf.mul(gradient, bump)).dataSync()[0]).toBeCloseTo(loss(bump).dataSync()[0]!, 4);
  });

  it.each([true, false])('samples by the size as torchvision does, whatever the box (aligned %s)', (aligned) => {
    const [h, w, outputSize] = [9, 13, 3];
    const map = tf.randomNormal<tf.Rank.R4>([2, h, w, 1], 0, 1, 'float32', 4);
    const corner = [0, 3, 17.3, 52, 103.9, -8, 140, -400, 900].flatMap((x) =>
      [0, 0.4, 35.2, 71.9, 72, -3, -90, 500].map((y) => [x, y] as const),
    );
    const boxes = corner.map(([x, y], i) => {
      const [width, height] = [[0, 0.5, 7, 8.1, 40, 104, 1200][i % 7]!, [0, 0.3, 6, 24, 72, 2000, -5][(3 * i) % 7]!];
      return [x, y, x + width, y + height];
    });
    const got = roiAlign(map, tf.tensor3d([...boxes, ...boxes].flat(), [2, boxes.length, 4]), {
      outputSize,
      samplingRatio: 0,
      aligned,
      scale: 1 / 8,
    });
    const values = map.arraySync();
    const expected = [0, 1].flatMap((image) =>
      boxes.flatMap((box) => bySamples(values[image]!, box, { bins: outputSize, scale: 1 / 8, aligned })),
    );
    const actual = got.dataSync();
    expected.forEach((value, i) => expect(Math.abs(actual[i]! - value), `bin ${i}`).toBeLessThan(2e-4));
  });

  it.each([0, 2])('pools nothing where there is no region, with a gradient of zeros (%i samples)', (samplingRatio) => {
    const pooled = (map: tf.Tensor): tf.Tensor =>
      roiAlign(map as tf.Tensor4D, tf.zeros([1, 0, 4]), { ...plain, samplingRatio });
    expect(pooled(plane(2, 2)).shape).toEqual([1, 0, 2, 2, 1]);
    expect([
      ...tf
        .grad((map) => tf.sum(pooled(map)))(plane(2, 2))
        .dataSync(),
    ]).toEqual([0, 0, 0, 0]);
  });

  it('leaves no tensors, and refuses boxes of another number of images', () => {
    const [map, boxes] = [plane(4, 4), tf.zeros<tf.Rank.R3>([2, 1, 4])];
    expect(() => roiAlign(map, boxes, plain)).toThrow(/boxes of 2 images and a map of \[1, 4, 4, 1\]/);
    const one = tf.tensor3d([[[0, 0, 2, 2]]]);
    const before = tf.memory().numTensors;
    for (const samplingRatio of [2, 0]) {
      roiAlign(map, one, { ...plain, samplingRatio }).dispose();
      tf.grad((x) => tf.sum(roiAlign(x as tf.Tensor4D, one, { ...plain, samplingRatio })))(map).dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('multiScaleRoiAlign', () => {
  it.each([
    ['by strides', [8, 16, 32]],
    ['by sizes on the device', undefined],
  ])('has room for the entries of the thinnest and the largest boxes of every level, %s', (_, strides) => {
    const [height, width] = [192, 320];
    const maps = [8, 16, 32].map((stride, i) =>
      tf.randomNormal<tf.Rank.R4>([1, height / stride, width / stride, 2], 0, 1, 'float32', 9 + i),
    );
    const sides = [0.5, 3, 9, 15.9, 31.9, 63.9, 191, 319];
    for (const boxWidth of sides)
      for (const boxHeight of sides.slice(0, -1)) {
        const box = tf.tensor3d([[[0.7, 0.4, 0.7 + boxWidth, 0.4 + boxHeight]]]);
        const options = { outputSize: 3, samplingRatio: 0, aligned: true };
        const { features, levels } = multiScaleRoiAlign(maps, box, {
          ...options,
          imageSizes: strides ? [[height, width]] : tf.tensor2d([[height, width]]),
          canonicalScale: 64,
          canonicalLevel: 5,
          ...(strides && { strides }),
        });
        const level = levels.dataSync()[0]!;
        const alone = roiAlign(maps[level]!, box, { ...options, scale: 1 / [8, 16, 32][level]! }).dataSync();
        const largest = tf.max(tf.abs(tf.sub(features, tf.reshape(tf.tensor1d(alone), features.shape)))).dataSync()[0]!;
        expect(largest, `${boxWidth} x ${boxHeight} on level ${level}`).toBeLessThan(1e-5);
      }
  });

  it('pools a box from the level of its size', () => {
    const maps = [16, 8, 4].map((side, i) => tf.fill<tf.Rank.R4>([1, side, side, 1], i));
    const boxes = tf.tensor3d([
      [
        [0, 0, 7.9, 7.9],
        [0, 0, 8, 8],
        [0, 0, 16, 16],
        [0, 0, 60, 60],
        [5, 5, 5, 5],
      ],
    ]);
    const { levels, features } = multiScaleRoiAlign(maps, boxes, {
      outputSize: 1,
      samplingRatio: 2,
      aligned: false,
      imageSizes: [[64, 64]],
      canonicalScale: 16,
      canonicalLevel: 4,
    });
    expect([...levels.dataSync()]).toEqual([0, 1, 2, 2, 0]);
    expect([...features.dataSync()]).toEqual([0, 1, 2, 2, 0]);
  });

  it('infers the scales from the tallest image before padding', () => {
    expect(
      inferredScales(
        [24, 12],
        [
          [96, 90],
          [65, 96],
        ],
      ),
    ).toEqual([0.25, 0.125]);
    expect(inferredScales([24, 12], [[65, 96]])).toEqual([0.5, 0.25]);
  });

  it('gives the same by sizes on the device, at every height', () => {
    const boxes = tf.tensor3d(
      Array.from({ length: 40 }, (_, i) => [3, 1, 3 + 1.13 ** i, 1 + 1.07 ** i]).flat(),
      [1, 40, 4],
    );
    for (let height = 3; height <= 800; height += height < 100 ? 1 : 37) {
      const padded = Math.ceil(height / 32) * 32;
      const maps = [8, 16, 32].map((stride) => tf.ones<tf.Rank.R4>([1, padded / stride, 4, 1]));
      const at = (imageSizes: MultiScaleOptions['imageSizes']): number[][] =>
        tf.tidy(() => {
          const { features, levels } = multiScaleRoiAlign(maps, boxes, {
            outputSize: 1,
            samplingRatio: 1,
            aligned: false,
            imageSizes,
            canonicalScale: 24,
            canonicalLevel: 4,
          });
          return [[...features.dataSync()], [...levels.dataSync()]] as never;
        });
      expect(at(tf.tensor2d([[height, 32]])), String(height)).toEqual(at([[height, 32]]));
    }
  });
});

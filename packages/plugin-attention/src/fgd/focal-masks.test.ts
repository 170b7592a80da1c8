import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { focalMasks } from './focal-masks.js';

beforeAll(() => tf.setBackend('cpu'));

type Box = readonly [number, number, number, number];
const SIZE = { imageSize: [64, 80], height: 4, width: 5 } as const;

/** Box by box, as the rule reads. */
function boxByBox(boxes: readonly Box[]): { foreground: number[]; background: number[] } {
  const { imageSize, height, width } = SIZE;
  const foreground = new Array<number>(height * width).fill(0);
  for (const [x1, y1, x2, y2] of boxes) {
    const [left, right] = [Math.floor((x1 * width) / imageSize[1]), Math.ceil((x2 * width) / imageSize[1])];
    const [top, bottom] = [Math.floor((y1 * height) / imageSize[0]), Math.ceil((y2 * height) / imageSize[0])];
    const value = 1 / ((right + 1 - left) * (bottom + 1 - top));
    for (let y = top; y <= Math.min(bottom, height - 1); y++)
      for (let x = left; x <= Math.min(right, width - 1); x++)
        foreground[y * width + x] = Math.max(foreground[y * width + x]!, value);
  }
  const around = foreground.filter((value) => value === 0).length;
  return { foreground, background: foreground.map((value) => (value === 0 ? 1 / around : 0)) };
}

function masks(boxes: readonly Box[], { on, values }: { on?: number[]; values?: number[] } = {}) {
  return tf.tidy(() => {
    const made = focalMasks(
      tf.tensor3d(boxes.flat(), [1, boxes.length, 4]),
      tf.tensor2d(on ?? boxes.map(() => 1), [1, boxes.length]),
      { ...SIZE, ...(values && { values: tf.tensor2d([values]) }) },
    );
    return { foreground: [...made.foreground.dataSync()], background: [...made.background.dataSync()] };
  });
}

const expectEqual = (made: ReturnType<typeof masks>, wanted: ReturnType<typeof masks>): void => {
  for (const name of ['foreground', 'background'] as const)
    made[name].forEach((value, i) => expect(value, `${name} ${i}`).toBeCloseTo(wanted[name][i]!, 6));
};

describe('focalMasks', () => {
  it('makes those of the rule for any boxes inside of the image', () => {
    const rng = createRng(3);
    for (let round = 0; round < 50; round++) {
      const boxes = Array.from({ length: rng.int(1, 6) }, (): Box => {
        const [x, y] = [rng.int(0, 70), rng.int(0, 54)];
        return [x, y, x + rng.int(1, 80 - x), y + rng.int(1, 64 - y)];
      });
      expectEqual(masks(boxes), boxByBox(boxes));
    }
  });

  it('is all background without a box, with padding alone, and with boxes that are off', () => {
    const empty = { foreground: new Array<number>(20).fill(0), background: new Array<number>(20).fill(1 / 20) };
    expectEqual(masks([]), empty);
    expectEqual(masks([[0, 0, 0, 0]], { on: [0] }), empty);
    expectEqual(masks([[-90, 0, -40, 30]]), empty);
  });

  it('has no background where boxes cover everything, not a division by 0', () => {
    const { foreground, background } = masks([[0, 0, 80, 64]]);
    foreground.forEach((value) => expect(value).toBeCloseTo(1 / 30, 6));
    expect(background).toEqual(new Array<number>(20).fill(0));
  });

  it('keeps a whole number of cells whole, and gives a box without area finite values', () => {
    // 16 pixels a cell: the box ends on cell 2, which counts as well.
    expect(masks([[16, 16, 32, 32]]).foreground.filter((value) => value > 0)).toHaveLength(4);
    expect(masks([[20, 20, 20, 20]]).foreground.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
    for (const value of masks([[60, 50, 10, 5]]).foreground) expect(Number.isFinite(value)).toBe(true);
  });

  it('weighs the cells of an object, and leaves the owner of a cell and the background as they are', () => {
    const boxes: Box[] = [
      [0, 0, 79, 63],
      [33, 17, 47, 31],
    ];
    const [plain, weighed] = [masks(boxes), masks(boxes, { values: [1, 0] })];
    expect(weighed.background).toEqual(plain.background);
    plain.foreground.forEach((value, i) => expect(weighed.foreground[i]).toBeCloseTo(value > 0.1 ? 0 : value, 6));
    expect(weighed.foreground.filter((value) => value === 0)).toHaveLength(4);
  });
});

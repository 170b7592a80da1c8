import '@tensorflow/tfjs-backend-cpu';
import type { HostBatch, NamedTensors, PassView, TapPair } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { instanceFeatures } from './instance-features.js';
import type { Sample } from './sampling.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const tap = (name: string, channels: number) => ({ name, stride: 8, channels });
const pairs: readonly TapPair[] = [{ student: tap('s', 1), teacher: tap('t', 2), stride: 8, index: 0 }];
/** Image i is full of the value i; the teacher's second channel is the column. */
const sample: Sample = {
  images: [0, 1, 2, 3],
  instances: [
    [0, 0],
    [1, 1],
    [1, 0],
    [2, 0],
    [3, 0],
  ].map(([image, row]) => ({ image: image!, row: row!, box: [0, 0, 1, 1], label: 0 })),
  perClass: [],
};

function viewOf({ skip = -1, failAt = Infinity, cache = new Map<string, NamedTensors>() } = {}): {
  view: PassView;
  ran: string[];
  told: [number, number][];
  cache: Map<string, NamedTensors>;
} {
  const ran: string[] = [];
  const told: [number, number][] = [];
  const made: tf.Tensor[] = [];
  const view = {
    images: sample.images.map((id) => ({ id: `image ${id}` })),
    progress: (done: number, of: number) => void told.push([done, of]),
    cached: async (name: string, make: () => Promise<NamedTensors>) => {
      if (!cache.has(name)) cache.set(name, await make());
      return cache.get(name)!;
    },
    forward: (role: string, images: tf.Tensor4D) => {
      ran.push(`${role} ${[...images.dataSync()].join(' ')}`);
      const tapped = tf.tidy(() => {
        const value = tf.tile(images, [1, 2, 4, 1]); // [b, 2, 4, 1] on 16 x 32 pixels
        const columns = tf.tile(tf.reshape(tf.range(0, 4), [1, 1, 4, 1]), [images.shape[0], 2, 1, 1]);
        return role === 'student' ? tf.mul(value, 10) : tf.concat([value, columns], 3);
      });
      made.push(tapped);
      return { taps: { [role === 'student' ? 's' : 't']: tapped } };
    },
    batches: async function* (indices: readonly number[]) {
      for (let from = 0; from < indices.length; from += 2) {
        const wanted = indices.slice(from, from + 2).filter((index) => index !== skip);
        if (wanted.some((index) => index >= failAt)) throw new Error('stopped');
        // row 0: column 0; row 1: columns 1 and 2
        const boxes = Float32Array.from(wanted.flatMap(() => [0, 0, 4, 15, 8, 0, 23, 4]));
        const batch = {
          ids: wanted.map((id) => `image ${id}`),
          maxBoxes: 2,
          boxes,
          shape: [wanted.length, 16, 32, 3],
        } as unknown as HostBatch;
        const images = tf.tensor4d(wanted, [wanted.length, 1, 1, 1]);
        yield { batch, images };
        tf.dispose([images, ...made.splice(0)]);
      }
    },
  };
  return { view: view as unknown as PassView, ran, told, cache };
}

describe('instanceFeatures', () => {
  it('pools every instance from both models, row by row', async () => {
    const { view, ran, told } = viewOf();
    const before = tf.memory().numTensors;
    const { student, teacher } = await instanceFeatures(view, sample, { pairs, cache: true });
    expect(tf.memory().numTensors).toBe(before);
    expect([...student[0]!]).toEqual([0, 10, 10, 20, 30]);
    expect([...teacher[0]!]).toEqual([0, 0, 1, 1.5, 1, 0, 2, 0, 3, 0]);
    expect(ran).toEqual(['student 0 1', 'teacher 0 1', 'student 2 3', 'teacher 2 3']);
    expect(told.at(-1)).toEqual([4, 4]);
  });

  it('goes on in the middle after an interruption, and later runs the student alone', async () => {
    const cache = new Map<string, NamedTensors>();
    await expect(
      instanceFeatures(viewOf({ cache, failAt: 2 }).view, sample, { pairs, cache: true, chunkImages: 2 }),
    ).rejects.toThrow('stopped');
    expect(cache.size).toBe(1);
    const { view, ran } = viewOf({ cache });
    const resumed = await instanceFeatures(view, sample, { pairs, cache: true, chunkImages: 2 });
    expect(ran).toEqual(['student 0 1', 'student 2 3', 'teacher 2 3']);
    expect(resumed).toEqual(await instanceFeatures(viewOf().view, sample, { pairs, cache: false }));
    const again = viewOf({ cache });
    expect(await instanceFeatures(again.view, sample, { pairs, cache: true, chunkImages: 2 })).toEqual(resumed);
    expect(again.ran).toEqual(['student 0 1', 'student 2 3']);
  });

  it('marks the instances of images that could not be read', async () => {
    const { student, teacher } = await instanceFeatures(viewOf({ skip: 1 }).view, sample, { pairs, cache: true });
    expect([...student[0]!]).toEqual([0, NaN, NaN, 20, 30]);
    expect([...teacher[0]!.subarray(2, 6)]).toEqual([NaN, NaN, NaN, NaN]);
  });
});

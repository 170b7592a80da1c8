import '@tensorflow/tfjs-backend-cpu';
import { createRng } from '@kd/core';
import { nms } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type LevelCandidates, suppress } from './suppress.js';

beforeAll(() => tf.setBackend('cpu'));

const B = 2;
const rng = createRng(1, 'candidates');

/** Boxes that overlap much, by descending score; every third one takes no part. */
function level(count: number): LevelCandidates {
  const boxes = Array.from({ length: B * count }, () => {
    const [x, y] = [rng.uniform() * 40, rng.uniform() * 40];
    return [x, y, x + 10 + rng.uniform() * 10, y + 10 + rng.uniform() * 10];
  });
  const scores = Array.from({ length: B }, () =>
    Array.from({ length: count }, () => rng.uniform())
      .sort((a, b) => b - a)
      .map((score, i) => (i % 3 === 2 ? -1 : score)),
  );
  return { boxes: tf.tensor3d(boxes.flat(), [B, count, 4]), scores: tf.tensor2d(scores) };
}

describe('suppress', () => {
  const levels = [level(60), level(25), level(1)];

  it.each([
    [0.5, 30],
    [0.3, 86],
    [0, 20],
    [1, 86],
  ])('keeps what NMS of the host keeps, best first (threshold %s, %s rows)', (threshold, limit) => {
    const got = suppress(levels, threshold, limit).arraySync();
    const owner = levels.flatMap(({ scores }, i) => Array.from({ length: scores.shape[1] }, () => i));
    for (let image = 0; image < B; image++) {
      const boxes = levels.flatMap((one) => one.boxes.arraySync()[image]!);
      const scores = levels.flatMap((one) => one.scores.arraySync()[image]!);
      const used = scores.flatMap((score, i) => (score >= 0 ? [i] : []));
      const kept = nms(
        Float32Array.from(used.flatMap((i) => boxes[i]!)),
        Float32Array.from(used, (i) => scores[i]!),
        {
          threshold,
          classes: used.map((i) => owner[i]!),
          limit,
        },
      );
      const rows = Array.from(kept, (i) => [...boxes[used[i]!]!, scores[used[i]!]!, 1]);
      const off = Array.from({ length: limit - rows.length }, () => [0, 0, 0, 0, 0, 0]);
      expect(got[image]!.map((row) => row.map((value) => value + 0))).toEqual([...rows, ...off]);
    }
  });
});

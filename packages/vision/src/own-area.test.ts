import '@tensorflow/tfjs-backend-cpu';
import { expect, it } from 'vitest';
import { anchorGrid } from './anchors.js';
import { inOwnArea } from './own-area.js';

it('marks the anchors of the cells that the image would have alone, padded to the multiple', () => {
  const { boxes } = anchorGrid(
    [
      [2, 4],
      [1, 2],
    ],
    [16, 32],
    { sizes: [[11.3], [22.6]], ratios: [[0.5], [2]], round: false },
  );
  expect(
    inOwnArea(
      boxes,
      [
        [16, 32],
        [8, 16],
        [8, 17],
        [3, 5],
      ],
      8,
    ).arraySync(),
  ).toEqual([
    [1, 1, 1, 1, /**/ 1, 1, 1, 1, /**/ 1, 1],
    [1, 1, 0, 0, /**/ 0, 0, 0, 0, /**/ 1, 0],
    [1, 1, 1, 0, /**/ 0, 0, 0, 0, /**/ 1, 1],
    [1, 0, 0, 0, /**/ 0, 0, 0, 0, /**/ 1, 0],
  ]);
});

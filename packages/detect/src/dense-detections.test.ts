import '@tensorflow/tfjs-backend-cpu';
import * as vision from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { denseDetections } from './dense-detections.js';
import type { BoxCode, DenseDetections, PriorGrid } from './exported-model.js';

const strides = [8, 16];
const levels = [
  [6, 7],
  [3, 4],
] as const;
const sizes = { imageSize: [44, 53], paddedSize: [48, 56] } as const;
const k = 3;

type Cells = PriorGrid['cells'];
const cellsOf = (boxes: Float32Array): Cells[number] =>
  Array.from({ length: boxes.length / 4 }, (_, i) => Array.from(boxes.subarray(4 * i, 4 * i + 4)) as never);

const anchors = {
  sizes: [
    [12, 20],
    [30, 44],
  ],
  ratios: [[0.5, 1], [1]],
};
const anchorCells = [0, 1].map((i) => cellsOf(vision.cellAnchors(anchors.sizes[i]!, anchors.ratios[i]!)));
const points: Cells = strides.map((stride) => [[-stride / 2, -stride / 2, stride / 2, stride / 2]]);
const squares = { sizes: strides.map((stride) => [stride]), ratios: [[1], [1]], round: false };
const fixed = strides.map((stride) => [stride, stride] as const);

interface Case {
  readonly boxes: BoxCode;
  readonly priors: PriorGrid;
  readonly grid: Parameters<typeof vision.anchorGrid>[2];
  readonly decode: (codes: tf.Tensor3D, grid: ReturnType<typeof vision.anchorGrid>) => tf.Tensor;
}
const cases: Record<string, Case> = {
  'deltas about anchors of quotients': {
    boxes: { code: 'delta', weights: [10, 10, 5, 5], clip: 0.4, clipBelow: -0.3 },
    priors: { cells: anchorCells.map((cells) => cells.slice(0, 2)), strides: null },
    grid: { sizes: anchors.sizes.map((s) => s), ratios: [[0.5], [1]] },
    decode: (codes, { boxes }) =>
      vision.decodeBoxes(codes, tf.expandDims(boxes, 0), { weights: [10, 10, 5, 5], clip: 0.4, clipBelow: -0.3 }),
  },
  'distances in pixels': {
    boxes: { code: 'distance', unit: 'pixels' },
    priors: { cells: points, strides: fixed },
    grid: { ...squares, strides: fixed },
    decode: (codes, { boxes }) => vision.decodeDistances(codes, tf.expandDims(boxes, 0), { normalizeBySize: false }),
  },
  'distances in sizes': {
    boxes: { code: 'distance', unit: 'size' },
    priors: { cells: points, strides: null },
    grid: squares,
    decode: (codes, { boxes }) => vision.decodeDistances(codes, tf.expandDims(boxes, 0)),
  },
  distributions: {
    boxes: { code: 'distribution', bins: 5 },
    priors: { cells: points, strides: fixed },
    grid: { ...squares, strides: fixed },
    decode: (codes, grid) => {
      const column = tf.concat(grid.perLevel.map((count, i) => tf.fill([count, 1], grid.strides[i]![1])));
      return vision.decodeDistances(tf.mul(vision.integral(codes, 5), column), tf.expandDims(grid.boxes, 0), {
        normalizeBySize: false,
      });
    },
  },
};

describe.each(Object.entries(cases))('%s', (_, { boxes, priors, grid, decode }) => {
  it.each([
    ['torchvision', true],
    ['torchvision', false],
    ['mmdet', true],
    ['mmdet', false],
  ] as const)('%s, with quality: %s: detections are the house’s', async (flavour, withQuality) => {
    const a = priors.cells[0]!.length;
    const length = 4 * (boxes.code === 'distribution' ? boxes.bins : 1);
    const random = (channels: number, spread: number, seed: number) =>
      levels.map(([h, w], i) => tf.randomNormal([1, h, w, channels], 0, spread, 'float32', seed + i) as tf.Tensor4D);
    const cls = random(a * k, 2, 1);
    const reg = random(a * length, 3, 11).map((map) =>
      boxes.code === 'distance' ? (tf.mul(tf.relu(map), boxes.unit === 'pixels' ? 5 : 0.6) as tf.Tensor4D) : map,
    );
    const quality = withQuality ? random(a, 1, 21) : undefined;
    const limits = { scoreThresh: 0.3, nmsThresh: 0.55, detectionsPerImg: 40, topkCandidates: 50 };

    const made = vision.anchorGrid(levels, sizes.paddedSize, grid);
    const decoded = decode(vision.flattenLevels(reg, length), made) as tf.Tensor3D;
    const [house] = await vision.denseDetections(
      { cls, boxes: decoded, ...(quality && { quality }) },
      { imageSizes: [sizes.imageSize], originalSizes: [sizes.imageSize], ids: [0] },
      { flavour, classes: k, ...limits },
    );

    const outputs = Object.fromEntries(
      Object.entries({ cls, reg, ...(quality && { quality }) }).flatMap(([name, maps]) =>
        maps.map((map, i) => [`${name}@p${3 + i}`, { data: map.dataSync() as Float32Array, dims: map.shape }]),
      ),
    );
    const post: DenseDetections = {
      kind: 'dense',
      maps: { cls: 'cls', reg: 'reg', ...(quality && { quality: 'quality' }) },
      classes: k,
      priorsPerCell: a,
      priors,
      boxes,
      flavour,
      ...limits,
    };
    const own = denseDetections(outputs, strides, sizes, post);
    expect(own.length).toBeGreaterThan(5);
    expect(own.map(({ label }) => label)).toEqual(Array.from(house!.labels));
    own.forEach(({ box, score }, i) => {
      expect(score).toBeCloseTo(house!.scores[i]!, 5);
      for (let side = 0; side < 4; side++) expect(box[side]).toBeCloseTo(house!.boxes[4 * i + side]!, 3);
    });
    tf.disposeVariables();
    tf.dispose([cls, reg, quality ?? [], decoded, made.boxes]);
  });
});

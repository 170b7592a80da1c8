import { parseOptions, type Targets } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { retinanet, type RetinaNetDetector, type RetinaNetInput } from './index.js';

type Flavour = NonNullable<RetinaNetInput['flavour']>;

const CLASSES = 2;
const tiny: RetinaNetInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 1 },
};
const build = (options: RetinaNetInput): RetinaNetDetector => {
  const categories = Array.from({ length: CLASSES }, (_, id) => ({ id, name: `class ${id}` }));
  return retinanet.definition.create(parseOptions(retinanet.definition.options, { ...tiny, ...options }, 'retinanet'), {
    categories,
    seed: 7,
  }) as RetinaNetDetector;
};
/** Two levels, of strides 16 and 32. */
const create = (options: RetinaNetInput): RetinaNetDetector =>
  build({ returnedLayers: [3, 4], extra: 'none', ...options });

/** Three images, of which the second is the smallest and the third has no object. */
const targets = (): Targets => ({
  boxes: tf.tensor3d([
    [
      [4, 6, 70, 58],
      [30, 8, 90, 60],
    ],
    [
      [2, 2, 30, 31],
      [0, 0, 0, 0],
    ],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ]),
  labels: tf.tensor2d(
    [
      [0, 1],
      [1, 0],
      [0, 0],
    ],
    [3, 2],
    'int32',
  ),
  mask: tf.tensor2d([
    [1, 1],
    [1, 0],
    [0, 0],
  ]),
  imageSizes: [
    [64, 96],
    [33, 30],
    [64, 96],
  ],
  paddedSize: [64, 96],
  ids: [1, 2, 3],
});

const images = (): tf.Tensor4D => tf.randomNormal([3, 64, 96, 3], 0, 1, 'float32', 3);

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('anchors', () => {
  it.each<[Flavour, number[]]>([
    ['torchvision', [64, 80, 101]],
    ['mmdet', [64, 64 * 2 ** (1 / 3), 64 * 2 ** (2 / 3)]],
  ])('%s: its sizes', (flavour, sizes) => {
    const detector = create({ flavour });
    expect(detector.config.anchors.sizes[0]).toEqual(sizes);
    expect(detector.dense!.priorsPerCell).toBe(9);
    detector.dispose();
  });

  it('mmdet: exact corners around the upper left corner of cells of the nominal stride, ratio by ratio', () => {
    const detector = create({ flavour: 'mmdet' });
    tf.tidy(() => {
      const output = {
        levels: [tf.zeros<tf.Rank.R4>([1, 3, 4, 1]), tf.zeros<tf.Rank.R4>([1, 2, 2, 1])],
        taps: {},
        predictions: {},
        updates: [],
      };
      // 3 x 4 cells of 40 x 50 pixels, whose whole quotients are 13 and 12, are still 16 pixels wide.
      const { boxes, strides } = detector.priors(output, [40, 50]);
      expect(strides).toEqual([
        [16, 16],
        [32, 32],
      ]);
      const wide = boxes.arraySync()[(1 * 4 + 2) * 9 + 1]!; // row 1, column 2, ratio 0.5, second octave
      const size = 64 * 2 ** (1 / 3);
      [
        32 - (size * Math.SQRT1_2 ** -1) / 2,
        16 - (size * Math.SQRT1_2) / 2,
        32 + (size * Math.SQRT1_2 ** -1) / 2,
        16 + (size * Math.SQRT1_2) / 2,
      ].forEach((corner, i) => expect(wide[i]).toBeCloseTo(corner, 4));
    });
    detector.dispose();
  });

  it('tells in `coding` what boxes depend on', () => {
    const coding = (options: RetinaNetInput): string => {
      const detector = create(options);
      const told = JSON.stringify(detector.dense!.coding);
      detector.dispose();
      return told;
    };
    const sizes = [
      [64, 80],
      [128, 161],
    ];
    const plain = coding({ anchors: { sizes } });
    expect(coding({ anchors: { sizes }, head: { depth: 2 }, boxLoss: 'giou', matcher: { high: 0.6 } })).toBe(plain);
    expect(coding({ anchors: { sizes }, flavour: 'mmdet' })).not.toBe(plain);
    expect(coding({ anchors: { sizes, ratios: [1, 2, 0.5] } })).not.toBe(plain);
    expect(
      coding({
        anchors: {
          sizes: [
            [64, 81],
            [128, 161],
          ],
        },
      }),
    ).not.toBe(plain);
  });
});

describe('decoding', () => {
  it.each<[Flavour, number]>([
    ['torchvision', Math.exp(-9)],
    ['mmdet', 16 / 1000],
  ])('%s: log sizes are limited as there', (flavour, least) => {
    const detector = create({ flavour });
    tf.tidy(() => {
      const priors = { boxes: tf.tensor2d([[0, 0, 100, 100]]), perLevel: [1], strides: [[1, 1]] as const };
      const [x1, , x2] = detector.decode(tf.tensor3d([[[0, 0, -9, 9]]]), priors).dataSync();
      expect(x2! - x1!).toBeCloseTo(100 * least, 4);
      const [, y1, , y2] = detector.decode(tf.tensor3d([[[0, 0, -9, 9]]]), priors).dataSync();
      expect(y2! - y1!).toBeCloseTo((100 * 1000) / 16, 2);
    });
    detector.dispose();
  });
});

describe('assignment and losses', () => {
  it('mmdet: anchors beyond the image, padded by itself, are ignored and count in no term', () => {
    const detector = create({ flavour: 'mmdet', anchors: { sizes: [[32], [64]], ratios: [1] } });
    tf.tidy(() => {
      const output = detector.forward(images(), { training: true });
      const priors = detector.priors(output, [64, 96]);
      const wanted = targets();
      const assignment = detector.assign(priors, wanted);
      const rows = assignment.matched.arraySync();
      // 33 x 30 pixels become 64 x 32: two of the six columns of the finer level, one of the three of the coarser.
      const own = rows[1]!.map((_, i) => (i < 24 ? i % 6 < 2 : (i - 24) % 3 < 1));
      rows[1]!.forEach((index, i) => expect(index === -2, `anchor ${i}`).toBe(!own[i]));
      expect(rows[2]!.every((index) => index === -1)).toBe(true);
      const terms = (): number[] =>
        Object.values(detector.terms(output, priors, assignment, wanted)).map((term) => term.dataSync()[0]!);
      const grads = tf.grad((cls) => {
        const changed = {
          ...output,
          predictions: { ...output.predictions, cls: [cls as tf.Tensor4D, output.predictions['cls']![1]!] },
        };
        return detector.terms(changed, priors, assignment, wanted)['classification']!;
      })(output.predictions['cls']![0]!) as tf.Tensor4D;
      const slopes = grads.arraySync()[1]!;
      slopes.forEach((row) => row.forEach((cell, x) => expect(cell.every((slope) => slope === 0)).toBe(x >= 2)));
      expect(terms().every(Number.isFinite)).toBe(true);
    });
    detector.dispose();
  });

  it.each<NonNullable<RetinaNetInput['boxLoss']>>(['l1', 'smooth_l1', 'giou'])(
    'divides by each image’s positives in torchvision, by those of the batch in mmdet: %s',
    (boxLoss) => {
      // Of one network and one assignment: the flavours' terms are made of the same sums.
      const [torchvision, mmdet] = (['torchvision', 'mmdet'] as const).map((flavour) =>
        create({ flavour, boxLoss, anchors: { sizes: [[32], [64]], ratios: [1] } }),
      ) as [RetinaNetDetector, RetinaNetDetector];
      tf.tidy(() => {
        const output = torchvision.forward(images(), { training: true });
        const wanted = targets();
        const priors = torchvision.priors(output, [64, 96]);
        const whole = torchvision.assign(priors, wanted);
        const positives = whole.positives.arraySync();
        expect(positives[0]).not.toBe(positives[1]);
        expect(positives[2]).toBe(0);
        const terms = (detector: RetinaNetDetector, image?: number): number[] => {
          // One image alone: the others' anchors are ignored.
          const matched =
            image === undefined
              ? whole.matched
              : tf.tensor2d(
                  whole.matched.arraySync().map((row, i) => (i === image ? row : row.map(() => -2))),
                  undefined,
                  'int32',
                );
          return Object.values(detector.terms(output, priors, { ...whole, matched }, wanted)).map(
            (term) => term.dataSync()[0]!,
          );
        };
        const alone = [0, 1, 2].map((image) => terms(torchvision, image)); // sums / (3 max(positives, 1))
        const total = positives.reduce((sum, count) => sum + Math.max(count, 1), 0);
        terms(mmdet).forEach((term, i) => {
          const sums = alone.map((values, image) => values[i]! * 3 * Math.max(positives[image]!, 1));
          expect(term / (sums.reduce((a, b) => a + b) / total)).toBeCloseTo(1, 4);
        });
        terms(torchvision).forEach((term, i) =>
          expect(term / alone.reduce((sum, values) => sum + values[i]!, 0)).toBeCloseTo(1, 4),
        );
      });
      for (const detector of [torchvision, mmdet]) detector.dispose();
    },
  );
});

it('mmdet: P6 from C5, P7 of P6 as it is, 100 detections', () => {
  const detector = build({ flavour: 'mmdet' });
  expect(detector.config).toMatchObject({
    extra: 'p6p7_from_c5',
    reluBeforeP7: false,
    boxLoss: 'l1',
    post: { scoreThresh: 0.05, nmsThresh: 0.5, detectionsPerImg: 100, topkCandidates: 1000 },
  });
  expect(detector.backbone.layers.some(({ name }) => name.includes('extra_blocks.relu'))).toBe(false);
  detector.dispose();
});

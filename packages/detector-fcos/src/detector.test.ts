import { parseOptions } from '@kd/core';
import { twoImages } from '@kd/testing';
import { layerVariables } from '@kd/vision';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildFcosHead, fcos, type FcosDetector, type FcosInput } from './index.js';

const tiny: FcosInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 1, groups: 2 },
  input: { minSize: 64, maxSize: 64 },
};
const mmdet = (more: FcosInput = {}): FcosInput => ({
  ...tiny,
  flavour: 'mmdet',
  ...more,
  head: { ...tiny.head, ...more.head },
});

const categories = ['cell', 'platelet', 'other'].map((name, id) => ({ id, name }));
const create = (options: FcosInput, seed = 7): FcosDetector =>
  fcos.definition.create(parseOptions(fcos.definition.options, options, 'fcos'), { categories, seed }) as FcosDetector;

function using<T>(options: FcosInput, run: (detector: FcosDetector) => T): T {
  const detector = create(options);
  try {
    return run(detector);
  } finally {
    detector.dispose();
  }
}

/** Sum of the terms and gradients by path of one training step. */
function step(detector: FcosDetector) {
  const trained = detector.variables.filter(({ trainable }) => trainable);
  const { images, targets } = twoImages();
  const { value, grads } = tf.variableGrads(
    () => {
      const output = detector.forward(images, { training: true });
      const priors = detector.priors(output, targets.paddedSize);
      return tf.addN(
        Object.values(detector.terms(output, priors, detector.assign(priors, targets), targets)),
      ) as tf.Scalar;
    },
    trained.map(({ variable }) => variable),
  );
  return {
    total: value.dataSync()[0]!,
    gradients: trained.map(({ path, variable }) => ({ path, variable, gradient: grads[variable.name]! })),
  };
}

const headPaths = (detector: FcosDetector): string[] =>
  detector.variables.map(({ path }) => path).filter((path) => path.startsWith('head.'));
const tower = (part: string): string[] => [
  `head.${part}_head.conv.0/kernel`,
  `head.${part}_head.conv.0/bias`,
  `head.${part}_head.conv.1/gamma`,
  `head.${part}_head.conv.1/beta`,
];
const prediction = (layer: string): string[] => [`head.${layer}/kernel`, `head.${layer}/bias`];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('the head', () => {
  it('torchvision: its names, biases under the norm, centerness on the reg tower', () => {
    using(tiny, (detector) =>
      expect(headPaths(detector).sort()).toEqual(
        [
          ...tower('classification'),
          ...tower('regression'),
          ...prediction('classification_head.cls_logits'),
          ...prediction('regression_head.bbox_reg'),
          ...prediction('regression_head.bbox_ctrness'),
        ].sort(),
      ),
    );
  });

  it('mmdet: no biases under the norm, a scale a level, centerness on the cls tower', () => {
    using(mmdet(), (detector) =>
      expect(headPaths(detector).sort()).toEqual(
        [
          ...tower('classification'),
          ...tower('regression'),
          ...prediction('classification_head.cls_logits'),
          ...prediction('regression_head.bbox_reg'),
          ...prediction('classification_head.bbox_ctrness'),
          ...[0, 1, 2, 3, 4].map((level) => `head.regression_head.scales.${level}/scale`),
        ]
          .filter((path) => !/conv\.0\/bias/.test(path))
          .sort(),
      ),
    );
    using(mmdet({ head: { centerness: 'reg', convBias: true } }), (detector) => {
      expect(headPaths(detector)).toContain('head.regression_head.bbox_ctrness/kernel');
      expect(headPaths(detector)).toContain('head.regression_head.conv.0/bias');
    });
  });

  it("taps are the ReLUs of the blocks, torchvision's third module", () => {
    using({ ...tiny, head: { depth: 2, groups: 2 } }, ({ taps }) => {
      const names = taps.map(({ name }) => name).filter((name) => name.endsWith('@p4') && name.startsWith('head.'));
      expect(names).toEqual([
        'head.classification_head.conv.2@p4',
        'head.classification_head.conv.5@p4',
        'head.regression_head.conv.2@p4',
        'head.regression_head.conv.5@p4',
      ]);
    });
  });

  it('needs neither backbone nor neck', () => {
    const head = buildFcosHead({
      flavour: 'mmdet',
      classes: 3,
      inChannels: 4,
      depth: 2,
      channels: 4,
      norm: 'group',
      groups: 2,
      centerness: 'cls',
      normOnBbox: false,
      strides: [8, 16],
      seed: 1,
    });
    tf.tidy(() => {
      const x = tf.randomNormal<tf.Rank.R4>([1, 3, 5, 4], 0, 1, 'float32', 2);
      const shapes = (branch: string) =>
        Object.fromEntries(Object.entries(head.run(branch, x, { level: 1 })).map(([name, { shape }]) => [name, shape]));
      expect(shapes('cls')).toEqual({ cls: [1, 3, 5, 3], centerness: [1, 3, 5, 1] });
      expect(shapes('reg')).toEqual({ reg: [1, 3, 5, 4] });
    });
    for (const { variable } of layerVariables(head.layers)) variable.dispose();
  });

  it('mmdet: exp of the scaled map, or with normOnBbox its positive part, in pixels but for training', () => {
    const map = (options: FcosInput, training: boolean): number[] =>
      using(options, (detector) => {
        const scale = detector.variables.find(({ path }) => path === 'head.regression_head.scales.1/scale')!;
        scale.variable.assign(tf.scalar(2));
        const bias = detector.variables.find(({ path }) => path === 'head.regression_head.bbox_reg/bias')!;
        bias.variable.assign(tf.tensor1d([0.5, -0.5, 1, 0]));
        const kernel = detector.variables.find(({ path }) => path === 'head.regression_head.bbox_reg/kernel')!;
        kernel.variable.assign(tf.zerosLike(kernel.variable));
        return tf.tidy(() => {
          const reg = detector.forward(tf.zeros([1, 32, 32, 3]), { training }).predictions['reg']![1]!; // [1, 2, 2, 4]
          return [...tf.reshape(tf.slice(reg, [0, 0, 0, 0], [1, 1, 1, 4]), [4]).dataSync()];
        });
      });
    map(mmdet(), true).forEach((value, i) => expect(value).toBeCloseTo(Math.exp([1, -1, 2, 0][i]!), 5));
    expect(map(mmdet({ head: { normOnBbox: true } }), true)).toEqual([1, 0, 2, 0]);
    expect(map(mmdet({ head: { normOnBbox: true } }), false)).toEqual([16, 0, 32, 0]);
  });
});

describe('decoding', () => {
  const decoded = (options: FcosInput): unknown =>
    using(options, (detector) =>
      tf.tidy(() => {
        const levels = [
          [4, 8],
          [2, 4],
          [1, 2],
          [1, 1],
          [1, 1],
        ].map(([h, w]) => tf.zeros<tf.Rank.R4>([1, h!, w!, 1]));
        const priors = detector.priors({ levels, taps: {}, predictions: {}, updates: [] }, [32, 64]);
        const codes = tf.tile(tf.tensor3d([[[1, 2, 3, 4]]]), [1, priors.boxes.shape[0], 1]) as tf.Tensor3D;
        return tf.slice(detector.decode(codes, priors), [0, 33, 0], [1, 1, 4]).arraySync();
      }),
    );

  it('mmdet: pixels from the centre of the cell', () => expect(decoded(mmdet())).toEqual([[[23, 6, 27, 12]]]));
  it('torchvision: sizes of the level from the corner of the cell', () =>
    expect(decoded(tiny)).toEqual([[[0, -32, 64, 64]]]));

  it('leaves no tensor but its result', () =>
    using(tiny, (detector) => {
      const [codes, boxes] = [tf.ones<tf.Rank.R3>([2, 1, 4]), tf.tensor2d([[0, 0, 8, 8]])];
      const before = tf.memory().numTensors;
      expect(detector.decode(codes, { boxes, perLevel: [1], strides: [[8, 8]] }).arraySync()).toEqual([
        [[-4, -4, 12, 12]],
        [[-4, -4, 12, 12]],
      ]);
      expect(tf.memory().numTensors).toBe(before + 1);
    }));

  it('tells what it depends on', () => {
    const dense = (options: FcosInput) => using(options, (detector) => detector.dense);
    expect(dense(mmdet())).toEqual({
      boxes: 'distance',
      priorsPerCell: 1,
      coding: { flavour: 'mmdet', sizes: [8, 16, 32, 64, 128], strides: [8, 16, 32, 64, 128] },
    });
    expect(dense(tiny)!.coding).not.toEqual(dense(mmdet())!.coding);
    // Both are read in pixels.
    expect(dense(mmdet({ head: { normOnBbox: true } }))).toEqual(dense(mmdet()));
  });
});

describe('training', () => {
  const two: FcosInput = { returnedLayers: [2, 3], extra: 'none' };
  it.each([
    ['torchvision', { ...tiny, ...two }],
    ['mmdet', mmdet(two)],
    [
      'mmdet, normed boxes',
      mmdet({ ...two, head: { normOnBbox: true, centerness: 'reg' }, centerSampling: 1.5, boxLoss: 'giou' }),
    ],
  ])('%s: a step along the gradient lowers the loss', { timeout: 30_000 }, (_, options) => {
    using(options, (detector) => {
      const { total, gradients } = step(detector);
      for (const { variable, gradient } of gradients) variable.assign(tf.sub(variable, tf.mul(gradient, 0.02)));
      expect(step(detector).total).toBeLessThan(total);
    });
  });

  it('refuses an assignment of another detector', () => {
    using(tiny, (detector) => {
      const { images, targets } = twoImages();
      const output = detector.forward(images, { training: true });
      const priors = detector.priors(output, targets.paddedSize);
      const { matched, positives } = detector.assign(priors, targets);
      expect(() => detector.terms(output, priors, { matched, positives }, targets)).toThrow(/no centerness targets/);
    });
  });
});

describe('options', () => {
  it.each([
    [{ radius: 3 }, /there is no option "radius"/],
    [{ head: { centernes: 'cls' } }, /did you mean "centerness"\?/],
    [
      { head: { normOnBbox: true } },
      /head\.normOnBbox belongs to mmdetection's FCOS, but the flavour is "torchvision"/,
    ],
    [{ head: { centerness: 'cls' } }, /head\.centerness "cls" belongs to mmdetection/],
    [{ boxLoss: 'iou' }, /use "giou", or set flavour: "mmdet"/],
    [{ regressRanges: [[0, 64]] }, /regressRanges has 1 entries, but there are 5 levels/],
    [{ head: { depth: 1e6 } }, /head\.depth: must be at most 256/],
    [{ sizes: Array.from({ length: 65 }, () => 8) }, /must have at most 64 entries/],
    [{ sizes: [8, 16, 32] }, /sizes has 3 entries, but there are 5 levels/],
    [{ regressRanges: [[64, 0]] }, /lower < upper/],
    [{ centerSampling: 0 }, /centerSampling: must be greater than 0/],
    [{ centerSampling: true }, /must be the radius in sizes of the level, or false/],
  ])('%j is refused', (options, message) => {
    expect(() => create(options as FcosInput)).toThrow(message);
  });

  it('the flavour brings its defaults', () => {
    const config = (options: FcosInput) => using(options, (detector) => detector.config);
    expect(config(tiny)).toMatchObject({
      boxLoss: 'giou',
      radius: 1.5,
      head: { convBias: true, centerness: 'reg' },
      post: { scoreThresh: 0.2, nmsThresh: 0.6, detectionsPerImg: 100 },
    });
    expect(config(mmdet())).toMatchObject({
      boxLoss: 'iou',
      radius: null,
      head: { convBias: false, centerness: 'cls', normOnBbox: false },
      post: { scoreThresh: 0.05, nmsThresh: 0.5 },
    });
    expect(config({ ...tiny, centerSampling: false, returnedLayers: [2, 3], extra: 'none' })).toMatchObject({
      radius: null,
      ranges: [
        [0, 64],
        [64, Infinity],
      ],
      strides: [8, 16],
    });
  });
});

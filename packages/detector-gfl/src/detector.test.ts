import { type Detector, discover, importByName, parseOptions } from '@kd/core';
import { twoImages } from '@kd/testing';
import { boxIou, flattenLevels } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import standard, {
  atss,
  type AtssInput,
  buildAtssHead,
  buildGflHead,
  gfl,
  type GflInput,
  resolveConfig,
} from './index.js';

const tiny: AtssInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 1, groups: 2 },
  input: { minSize: 64, maxSize: 64 },
};
const categories = ['cell', 'platelet', 'other'].map((name, id) => ({ id, name }));
const createAtss = (options: AtssInput, seed = 7): Detector =>
  atss.definition.create(parseOptions(atss.definition.options, options, 'atss'), { categories, seed });
const createGfl = (options: GflInput, seed = 7): Detector =>
  gfl.definition.create(parseOptions(gfl.definition.options, options, 'gfl'), { categories, seed });

/** Total loss of one step of Adam, before it. */
function descend(detector: Detector, optimizer: tf.Optimizer): number {
  const { images, targets } = twoImages();
  const trained = detector.variables.filter(({ trainable }) => trainable).map(({ variable }) => variable);
  const { value, grads } = tf.variableGrads(() => {
    const output = detector.forward(images, { training: true });
    const priors = detector.priors(output, targets.paddedSize);
    return tf.addN(
      Object.values(detector.terms(output, priors, detector.assign(priors, targets), targets)),
    ) as tf.Scalar;
  }, trained);
  optimizer.applyGradients(grads);
  return value.dataSync()[0]!;
}

/** Means over the positives: IoU of the predicted box with its object, score of the object's class. */
function skill(detector: Detector): { iou: number; score: number } {
  return tf.tidy(() => {
    const { images, targets } = twoImages();
    const output = detector.forward(images, { training: false });
    const priors = detector.priors(output, targets.paddedSize);
    const matched = detector.assign(priors, targets).matched.arraySync();
    const boxes = detector.decode(flattenLevels(output.predictions['reg']!, 4 * (detector.dense!.bins ?? 1)), priors);
    const iou = boxIou(targets.boxes, boxes).arraySync(); // [b, g, a]
    const scores = (
      tf.sigmoid(flattenLevels(output.predictions['cls']!, categories.length)) as tf.Tensor3D
    ).arraySync(); // [b, a, k]
    const labels = targets.labels.arraySync();
    const found = matched.flatMap((row, b) =>
      row.flatMap((g, a) => (g < 0 ? [] : [{ iou: iou[b]![g]![a]!, score: scores[b]![a]![labels[b]![g]!]! }])),
    );
    const mean = (of: 'iou' | 'score'): number => found.reduce((sum, one) => sum + one[of], 0) / found.length;
    return { iou: mean('iou'), score: mean('score') };
  });
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.each([
  ['atss', createAtss],
  ['gfl', createGfl],
] as const)('%s', (name, create) => {
  it('learns', () => {
    const detector = create({ ...tiny, returnedLayers: [2, 3], extra: 'none', anchorScale: 4 });
    const optimizer = tf.train.adam(0.02);
    const before = skill(detector);
    const losses = Array.from({ length: 12 }, () => descend(detector, optimizer));
    const after = skill(detector);
    // GFL's loss rises first: the box terms of an anchor weigh as much as its class score does.
    expect(losses.at(-1)! / Math.max(...losses)).toBeLessThan(0.8);
    expect(after.iou - before.iou).toBeGreaterThan(0.2);
    expect(after.score - before.score).toBeGreaterThan(0.1);
    optimizer.dispose();
    detector.dispose();
  }, 60_000);

  it('has the maps and the words of the contract', () => {
    const detector = create(tiny);
    tf.tidy(() => {
      const { predictions, levels } = detector.forward(twoImages().images, { training: false });
      const channels = name === 'atss' ? { cls: 3, reg: 4, centerness: 1 } : { cls: 3, reg: 68 };
      for (const [map, width] of Object.entries(channels))
        expect(predictions[map]!.map(({ shape }) => shape)).toEqual(
          levels.map(({ shape }) => [...shape.slice(0, 3), width]),
        );
      expect(Object.keys(predictions).sort()).toEqual(Object.keys(channels).sort());
    });
    expect(detector.dense).toMatchObject(
      name === 'atss' ? { boxes: 'delta', priorsPerCell: 1 } : { boxes: 'distribution', bins: 17, priorsPerCell: 1 },
    );
    expect(
      detector.variables
        .filter(({ path }) => path.includes('scales'))
        .map(({ path, variable }) => [path, variable.dataSync()[0]]),
    ).toEqual([0, 1, 2, 3, 4].map((level) => [`head.regression_head.scales.${level}/scale`, 1]));
    detector.dispose();
  });

  it('refuses options that it does not know or cannot use', () => {
    expect(() => create({ ...tiny, ankerScale: 4 } as never)).toThrow(
      /there is no option "ankerScale"; did you mean "anchorScale"\?/,
    );
    expect(() => create({ ...tiny, head: { depth: 1e6 } })).toThrow(/head\.depth: must be at most 256/);
    expect(() => create({ ...tiny, head: { groups: 3 } })).toThrow(/4 channels cannot be split into 3 groups/);
    expect(() => create({ ...tiny, lossWeights: { box: -1 } })).toThrow(/lossWeights\.box: must not be negative/);
  });

  it('is what its name imports', async () => {
    const folder = fileURLToPath(new URL('../../..', import.meta.url));
    expect((await discover(folder)).filter((one) => one.package === '@kd/detector-gfl').map((one) => one.name)).toEqual(
      ['atss', 'gfl'],
    );
    expect(await importByName('detector', name, folder)).toMatchObject({ kind: 'detector', name });
  });
});

describe('the boxes of GFL', () => {
  it('are as far from the centre as the means of the distributions say, in strides', () => {
    const detector = createGfl({ ...tiny, regMax: 4 });
    tf.tidy(() => {
      const priors = detector.priors(
        {
          levels: [
            tf.zeros([1, 1, 2, 4]),
            tf.zeros([1, 1, 1, 4]),
            ...Array.from({ length: 3 }, () => tf.zeros<tf.Rank.R4>([1, 0, 0, 4])),
          ],
          predictions: {},
          taps: {},
          updates: [],
        },
        [8, 16],
      );
      const sure = (...distances: number[]): number[] =>
        distances.flatMap((d) => [0, 1, 2, 3, 4].map((bin) => (bin === d ? 50 : 0)));
      const codes = tf.tensor3d([[sure(0, 1, 2, 3), Array<number>(20).fill(0), sure(4, 0, 0, 4)]]);
      expect(
        (detector.decode(codes, priors).arraySync() as number[][][])[0]!.map((box) =>
          box.map((x) => Math.round(x * 1e4) / 1e4 + 0),
        ),
      ).toEqual([
        [0, -8, 16, 24],
        [-8, -16, 24, 16],
        [-64, 0, 0, 64],
      ]);
    });
    detector.dispose();
  });
});

describe('a head alone', () => {
  it('predicts from any block, without backbone and neck', () => {
    const shared = {
      inChannels: 4,
      depth: 2,
      channels: 4,
      norm: 'group',
      groups: 2,
      strides: [8, 16],
      seed: 1,
      classes: 3,
    } as const;
    tf.tidy(() => {
      const x = tf.randomNormal([1, 3, 3, 4], 0, 1, 'float32', 5) as tf.Tensor4D;
      const head = buildAtssHead(shared);
      const { feature } = head.run('reg', x, { level: 1, to: 1 });
      const [whole, rest] = [head.run('reg', x, { level: 1 }), head.run('reg', feature!, { level: 1, from: 1 })];
      expect(Object.keys(whole)).toEqual(['reg', 'centerness']);
      expect(rest['reg']!.dataSync()).toEqual(whole['reg']!.dataSync());
      expect(buildGflHead({ ...shared, regMax: 4 }).run('reg', x, { level: 0 })['reg']!.shape).toEqual([1, 3, 3, 20]);
    });
  });
});

it('resolveConfig works out levels and widths', () => {
  const config = resolveConfig(
    parseOptions(gfl.definition.options, { fpnChannels: 64, returnedLayers: [2, 3], norm: 'eval' }, 'gfl'),
  );
  expect(config).toMatchObject({
    strides: [8, 16, 32, 64],
    head: { channels: 64, depth: 4 },
    regMax: 16,
    trainableLayers: 3,
    lossWeights: { distribution: 0.25 },
  });
  expect(standard).toBe(gfl);
});

import { buildDetector, parseOptions, type Targets } from '@kd/core';
import { twoImages } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { retinanet, type RetinaNetDetector, type RetinaNetInput } from './index.js';

const tiny: RetinaNetInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 1 },
  input: { minSize: 64, maxSize: 64 },
};

const categories = ['cell', 'platelet', 'other'].map((name, id) => ({ id, name }));
const create = (options: RetinaNetInput, seed = 7): RetinaNetDetector =>
  retinanet.definition.create(parseOptions(retinanet.definition.options, options, 'retinanet'), {
    categories,
    seed,
  }) as RetinaNetDetector;

/** Loss terms, gradients by path and updates of one training step. */
function step(detector: RetinaNetDetector, images: tf.Tensor4D, targets: Targets) {
  const terms: Record<string, number> = {};
  let updates: { variable: tf.Variable; value: tf.Tensor }[] = [];
  const trained = detector.variables.filter(({ trainable }) => trainable);
  const { value, grads } = tf.variableGrads(
    () => {
      const output = detector.forward(images, { training: true });
      const priors = detector.priors(output, targets.paddedSize);
      const losses = detector.terms(output, priors, detector.assign(priors, targets), targets);
      updates = output.updates.map(({ variable, value: update }) => ({ variable, value: tf.keep(update) }));
      for (const [name, term] of Object.entries(losses)) terms[name] = term.dataSync()[0]!;
      return tf.addN(Object.values(losses)) as tf.Scalar;
    },
    trained.map(({ variable }) => variable),
  );
  const total = value.dataSync()[0]!;
  value.dispose();
  const gradients = new Map(trained.map(({ path, variable }) => [path, grads[variable.name]]));
  return { terms, total, gradients, updates };
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

it('of options whose product is beyond all memory is refused before there is memory for it', () => {
  const huge: RetinaNetInput = { ...tiny, backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 16_384 } };
  const before = tf.memory().numTensors;
  expect(() => buildDetector({ definition: retinanet.definition, options: huge }, { categories, seed: 0 })).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/more than 250 million parameters, at a kernel of shape \[3, 3, 16384, 16384\]/),
    }),
  );
  expect(tf.memory().numTensors).toBe(before);
});

describe('a RetinaNet', () => {
  let detector: RetinaNetDetector;
  beforeAll(() => {
    detector = create(tiny);
  });
  afterAll(() => detector.dispose());

  it('leaves each branch of its head until it is read, unless it trains or a tap of the head is wanted', () => {
    tf.tidy(() => {
      const images = tf.zeros([1, 64, 64, 3]) as tf.Tensor4D;
      /** Tensors that come with reading classes, then boxes, then classes again. */
      const late = (training: boolean, taps: readonly string[]): number[] => {
        const output = detector.forward(images, { training, taps, lazy: true });
        return ['cls', 'reg', 'cls'].map((branch) => {
          const before = tf.memory().numTensors;
          expect(output.predictions[branch]).toHaveLength(5);
          return tf.memory().numTensors - before;
        });
      };
      expect(late(false, ['neck@p3'])).toEqual([5, 5, 0]);
      expect(late(true, ['neck@p3'])).toEqual([0, 0, 0]);
      expect(late(false, [detector.taps.find(({ name }) => name.startsWith('head.'))!.name])).toEqual([0, 0, 0]);
    });
  });

  it('gives predictions of every level in the shapes of the contract', () => {
    tf.tidy(() => {
      const output = detector.forward(twoImages().images, { training: false });
      expect(output.levels.map(({ shape }) => shape)).toEqual([
        [2, 4, 8, 4],
        [2, 2, 4, 4],
        [2, 1, 2, 4],
        [2, 1, 1, 4],
        [2, 1, 1, 4],
      ]);
      expect(output.predictions['cls']!.map(({ shape }) => shape[3])).toEqual([27, 27, 27, 27, 27]);
      expect(output.predictions['reg']!.map(({ shape }) => shape[3])).toEqual([36, 36, 36, 36, 36]);
      expect(output.updates).toEqual([]);
    });
  });

  it('starts with the focal loss of a prior probability of 0.01', () => {
    const { images, targets } = twoImages();
    const { terms } = step(detector, images, targets);
    expect(terms['classification']).toBeGreaterThan(0.5);
    expect(terms['classification']).toBeLessThan(3);
    expect(terms['bbox_regression']).toBeGreaterThan(0);
  });

  it('gives every trained variable a finite gradient, and learns', () => {
    const { images, targets } = twoImages();
    const first = step(detector, images, targets);
    for (const [path, gradient] of first.gradients) {
      expect(gradient, path).toBeDefined();
      expect(gradient!.dataSync().every(Number.isFinite), path).toBe(true);
    }
    const copy = create(tiny);
    for (let i = 0; i < 3; i++) {
      const { gradients } = step(copy, images, targets);
      for (const { path, variable } of copy.variables) {
        const gradient = gradients.get(path);
        if (gradient) variable.assign(tf.sub(variable, tf.mul(gradient, 0.02)));
      }
    }
    expect(step(copy, images, targets).total).toBeLessThan(first.total);
    copy.dispose();
  });

  it('keeps the number of tensors constant over steps and predictions', async () => {
    const { images, targets } = twoImages();
    const run = async (): Promise<void> => {
      const { gradients } = step(detector, images, targets);
      tf.dispose([...gradients.values()] as tf.Tensor[]);
      const output = tf.tidy(
        () =>
          detector.forward(images, { training: false, taps: ['neck@p4', 'head.regression_head.conv.0.0@p5'] }) as never,
      ) as ReturnType<typeof detector.forward>;
      await detector.detect(output, {
        imageSizes: targets.imageSizes,
        originalSizes: [
          [32, 64],
          [15, 20],
        ],
        ids: [1, 2],
        shape: [2, 32, 64, 3],
      });
      tf.dispose(output as never);
    };
    await run();
    const before = tf.memory().numTensors;
    await run();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('has the taps it lists, in their channels and strides, and refuses others', () => {
    tf.tidy(() => {
      const names = detector.taps.map(({ name }) => name);
      expect(names).toContain('neck@p3');
      expect(names).toContain('backbone.body.layer4');
      expect(names).toContain('head.classification_head.conv.0.0@p7');
      const { taps } = detector.forward(tf.zeros([1, 128, 128, 3]), { training: false, taps: names });
      for (const { name, stride, channels } of detector.taps) {
        expect(taps[name]!.shape, name).toEqual([1, 128 / stride, 128 / stride, channels]);
      }
      expect(() => detector.forward(tf.zeros([1, 64, 64, 3]), { training: false, taps: ['neck@p8'] })).toThrow(
        /no tap "neck@p8".*did you mean "neck@p/s,
      );
    });
  });

  it('gives the same predictions whichever taps are asked for', () => {
    tf.tidy(() => {
      const { images } = twoImages();
      const plain = detector.forward(images, { training: false });
      const tapped = detector.forward(images, { training: false, taps: detector.taps.map(({ name }) => name) });
      plain.predictions['cls']!.forEach((map, i) =>
        expect(tf.max(tf.abs(tf.sub(map, tapped.predictions['cls']![i]!))).dataSync()[0]).toBeLessThan(1e-5),
      );
    });
  });

  it('cuts its head anywhere with the same result', () => {
    tf.tidy(() => {
      const x = tf.randomNormal([1, 4, 4, 4], 0, 1, 'float32', 5) as tf.Tensor4D;
      const { head } = detector;
      const whole = head!.run('cls', x, { level: 1 })['cls']!;
      expect(head!.depth('cls')).toBe(1);
      for (const cut of [0, 1]) {
        const { feature } = head!.run('cls', x, { level: 1, to: cut });
        expect(head!.run('cls', feature!, { level: 1, from: cut })['cls']!.dataSync()).toEqual(whole.dataSync());
      }
      expect(() => head!.run('cls', x, { level: 0, from: 4 })).toThrow(/tower has 1 blocks/);
      expect(() => head!.run('ctr', x, { level: 0 })).toThrow(/cls, reg/);
    });
  });

  it('lets a second one live beside it, equal for the same seed', () => {
    const twin = create(tiny);
    const other = create(tiny, 8);
    const paths = detector.variables.map(({ path }) => path);
    expect(twin.variables.map(({ path }) => path)).toEqual(paths);
    expect(new Set(paths).size).toBe(paths.length);
    const kernel = (of: RetinaNetDetector): unknown =>
      of.variables.find(({ path }) => path === 'backbone.body.conv1/kernel')!.variable.dataSync();
    expect(kernel(twin)).toEqual(kernel(create(tiny)));
    expect(kernel(other)).not.toEqual(kernel(twin));
    twin.dispose();
    other.dispose();
  });
});

describe('norms', () => {
  it('frozen: the stem and stage 1 do not train, nor does any norm', () => {
    const detector = create({ ...tiny, version: 1 });
    const trained = detector.variables.filter(({ trainable }) => trainable).map(({ path }) => path);
    expect(trained).not.toContain('backbone.body.layer1.0.conv1/kernel');
    expect(trained).toContain('backbone.body.layer2.0.conv1/kernel');
    expect(trained.filter((path) => /bn|gamma/.test(path))).toEqual([]);
    detector.dispose();
  });

  it('live: hands out running statistics, unbiased, and assigns nothing', () => {
    const detector = create({ ...tiny, norm: 'live' });
    const { images, targets } = twoImages();
    const variance = detector.variables.find(({ path }) => path === 'backbone.body.bn1/moving_variance')!.variable;
    const before = variance.dataSync().slice();
    const { updates } = step(detector, images, targets);
    expect(variance.dataSync()).toEqual(before);
    expect(updates.length).toBe(2 * detector.variables.filter(({ path }) => path.endsWith('moving_mean')).length);
    const stem = detector.variables.find(({ path }) => path === 'backbone.body.conv1/kernel')!
      .variable as tf.Variable<tf.Rank.R4>;
    const x = tf.conv2d(
      tf.pad(images, [
        [0, 0],
        [3, 3],
        [3, 3],
        [0, 0],
      ]),
      stem,
      2,
      'valid',
    );
    const n = x.size / 2;
    const wanted = tf.add(0.9, tf.mul(tf.moments(x, [0, 1, 2]).variance, (0.1 * n) / (n - 1))).dataSync();
    const got = updates.find((update) => update.variable === variance)!.value.dataSync();
    got.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5));
    detector.dispose();
  });
});

describe('options', () => {
  it.each([
    [{ backbon: 'resnet18' }, /there is no option "backbon"; did you mean "backbone"\?/],
    [{ backbone: 'resnet19' }, /backbone: must be one of resnet10, resnet18/],
    [{ flavour: 'mmdet', version: 2 }, /version 2 is one of torchvision's.*leave `version` out/],
    [{ flavour: 'mmdetection' }, /flavour: must be "torchvision" or "mmdet"/],
    [{ post: { scoreThresh: 2 } }, /post\.scoreThresh: must be between 0 and 1/],
    [{ returnedLayers: [2, 4] }, /consecutive/],
    [{ head: { depth: 1e6 } }, /head\.depth: must be at most 256/],
    [{ head: { channels: 1e7 } }, /head\.channels: must be at most 16384/],
    [{ post: { topkCandidates: 1e9 } }, /post\.topkCandidates: must be at most 100000/],
    [{ anchors: { sizes: [Array.from({ length: 65 }, () => 8)] } }, /must have at most 64 entries/],
    [{ anchors: { sizes: [[Infinity]] } }, /must be finite/],
    [{ constructor: 1 }, /constructor: there is no such option/],
    [{ anchors: { sizes: [[32]] } }, /1 entries, but there are 5 levels/],
  ])('%j is refused', (options, message) => {
    expect(() => create(options as RetinaNetInput)).toThrow(message);
  });

  it('a subset of the levels keeps the anchors of its strides', () => {
    const detector = create({ ...tiny, returnedLayers: [2, 3], extra: 'none' });
    expect(detector.taps.filter(({ name }) => name.startsWith('neck')).map(({ name }) => name)).toEqual([
      'neck@p3',
      'neck@p4',
    ]);
    expect(detector.config.anchors.sizes).toEqual([
      [32, 40, 50],
      [64, 80, 101],
    ]);
    expect(detector.variables.some(({ path }) => path.includes('layer4'))).toBe(false);
    detector.dispose();
  });
});

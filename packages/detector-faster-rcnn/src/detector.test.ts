import { computeStep, parseOptions, type StepResult, type Targets, trainedVariables } from '@kd/core';
import { twoImages } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fasterRcnn, type FasterRcnnDetector, type FasterRcnnInput } from './index.js';

const tiny: FasterRcnnInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  anchors: { sizes: [[8], [16], [32], [64], [128]] },
  rpn: { preNmsTopN: 30, postNmsTopN: { train: 20, test: 10 }, batchSize: 32 },
  roi: { batchSize: 16, canonicalScale: 32, outputSize: 3 },
  box: { representationSize: 8 },
  input: { minSize: 64, maxSize: 64 },
};
const categories = ['cell', 'platelet', 'other'].map((name, id) => ({ id, name }));
const create = (options: FasterRcnnInput = tiny, seed = 7): FasterRcnnDetector =>
  fasterRcnn.definition.create(parseOptions(fasterRcnn.definition.options, options, 'faster-rcnn'), {
    categories,
    seed,
  }) as FasterRcnnDetector;

const step = (detector: FasterRcnnDetector, images: tf.Tensor4D, targets: Targets, at = 0): StepResult =>
  computeStep(
    {
      student: detector,
      teacher: null,
      distillers: [],
      taps: { student: [], teacher: [] },
      variables: trainedVariables(detector, []),
      seed: 0,
    },
    images,
    targets,
    { step: at, steps: 10, epoch: 0, epochs: 1, fraction: at / 10 },
  );

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('a Faster R-CNN', () => {
  let detector: FasterRcnnDetector;
  beforeAll(() => {
    detector = create();
  });
  afterAll(() => detector.dispose());

  it('leaves the head of its first stage until the predictions are read, unless it trains', () => {
    tf.tidy(() => {
      const images = tf.zeros([1, 64, 64, 3]) as tf.Tensor4D;
      /** Tensors that come with reading the predictions. */
      const late = (training: boolean): number => {
        const output = detector.forward(images, { training, taps: ['neck@p3'], lazy: true });
        const before = tf.memory().numTensors;
        expect(output.predictions['cls']).toHaveLength(5);
        return tf.memory().numTensors - before;
      };
      expect(late(false)).toBeGreaterThanOrEqual(10);
      expect(late(true)).toBe(0);
    });
  });

  it('has the levels of torchvision, and no dense head for plugins that need one', () => {
    expect(
      detector.taps.filter(({ name }) => name.startsWith('neck@')).map(({ name, stride }) => [name, stride]),
    ).toEqual([
      ['neck@p2', 4],
      ['neck@p3', 8],
      ['neck@p4', 16],
      ['neck@p5', 32],
      ['neck@pool', 64],
    ]);
    expect([...detector.capabilities].sort()).toEqual(['anchors', 'head.staged', 'roi.align']);
    expect([detector.head, detector.dense]).toEqual([undefined, undefined]);
    expect(detector.firstStage!.head.branches).toEqual(['rpn']);
  });

  it('names its layers as torchvision does', () => {
    const paths = detector.variables.map(({ path }) => path);
    for (const path of [
      'backbone.body.layer1.0.conv1/kernel',
      'backbone.fpn.inner_blocks.3.0/bias',
      'rpn.head.conv.0.0/kernel',
      'rpn.head.bbox_pred/bias',
      'roi_heads.box_head.fc6/kernel',
      'roi_heads.box_predictor.cls_score/bias',
    ])
      expect(paths).toContain(path);
    expect(
      detector.variables.find(({ path }) => path === 'roi_heads.box_predictor.bbox_pred/kernel')!.variable.shape,
    ).toEqual([8, 16]);
  });

  it('proposes a fixed number of boxes inside of each image, best first, none beside a better one of its level', () => {
    const { images, targets } = twoImages();
    tf.tidy(() => {
      const output = detector.forward(images, { training: false });
      const { boxes, scores, mask } = detector.proposals(
        output,
        detector.priors(output, targets.paddedSize),
        targets.imageSizes,
        'train',
      );
      expect([boxes.shape, scores.shape, mask.shape]).toEqual([
        [2, 20, 4],
        [2, 20],
        [2, 20],
      ]);
      boxes.arraySync().forEach((rows, image) => {
        const [height, width] = targets.imageSizes[image]!;
        for (const [x1, y1, x2, y2] of rows)
          expect(x1! >= 0 && y1! >= 0 && x2! <= width && y2! <= height && x2! >= x1! && y2! >= y1!).toBe(true);
      });
      for (const row of scores.arraySync()) expect(row).toEqual([...row].sort((a, b) => b - a));
      expect(
        detector.proposals(output, detector.priors(output, targets.paddedSize), targets.imageSizes, 'test').mask.shape,
      ).toEqual([2, 10]);
    });
  });

  it('starts with the cross-entropy of three classes and a background, and learns', () => {
    const { images, targets } = twoImages();
    const copy = create();
    const sums: number[] = [];
    for (let i = 0; i < 4; i++) {
      const { names, terms, gradients } = step(copy, images, targets);
      const values = [...terms.dataSync()];
      if (i === 0) {
        expect(names).toEqual(['loss_classifier', 'loss_box_reg', 'loss_objectness', 'loss_rpn_box_reg']);
        expect(values[0]).toBeCloseTo(Math.log(4), 0);
        expect(values[2]).toBeCloseTo(Math.log(2), 1);
      }
      sums.push(values.reduce((sum, value) => sum + value, 0));
      for (const { path, variable } of copy.variables) {
        const gradient = gradients.get(`student/${path}`);
        if (gradient) variable.assign(tf.sub(variable, tf.mul(gradient, 0.05)));
      }
    }
    expect(sums.at(-1)).toBeLessThan(sums[0]!);
    copy.dispose();
  });

  it('draws other samples at the next step, and the same ones at the same step', () => {
    const { images, targets } = twoImages();
    const boxes = { ...tiny, roi: { ...tiny.roi, batchSize: 6 }, rpn: { ...tiny.rpn, batchSize: 8 } };
    const one = create(boxes);
    const losses = (at: number): number[] => [...step(one, images, targets, at).terms.dataSync()];
    expect(losses(1)).toEqual(losses(1));
    expect(losses(1)).not.toEqual(losses(2));
    one.dispose();
  });

  it('hands out the running statistics of the box head once a step', () => {
    const { images, targets } = twoImages();
    const live = create({ ...tiny, norm: 'live', box: { ...tiny.box, head: 'conv_fc', convs: 1 } });
    const { updates } = step(live, images, targets);
    expect(updates.length).toBe(live.variables.filter(({ path }) => path.includes('moving_')).length);
    const again = tf.tidy(() => {
      const output = live.forward(images, { training: true });
      const run = (): void => void live.secondStage.run(output, targets.boxes, targets.imageSizes);
      const before = output.updates.length;
      run();
      const once = output.updates.length;
      run();
      return [once - before, output.updates.length - once];
    }) as unknown as number[];
    expect(again).toEqual([2, 0]);
    live.dispose();
  });
});

describe('options', () => {
  it.each([
    [{ backbon: 'resnet18' }, /there is no option "backbon"; did you mean "backbone"\?/],
    [{ version: 3 }, /version: must be 1 or 2/],
    [{ rpn: { preNmsTopN: 0 } }, /rpn\.preNmsTopN: must be/],
    [{ rpn: { preNmsTopN: { train: 10 } } }, /rpn\.preNmsTopN/],
    [{ rpn: { high: 0.2 } }, /rpn\.low is 0\.3, above rpn\.high, 0\.2/],
    [{ roi: { low: 0.6 } }, /roi\.low is 0\.6, above roi\.high, 0\.5/],
    [{ roi: { boxWeights: [1, 1] } }, /roi\.boxWeights: must be four factors/],
    [{ rpn: { depth: 1e6 } }, /rpn\.depth: must be at most 256/],
    [{ rpn: { preNmsTopN: 1e9 } }, /rpn\.preNmsTopN: must be/],
    [{ roi: { outputSize: 1e4 } }, /roi\.outputSize: must be at most 64/],
    [{ box: { representationSize: 1e9 } }, /box\.representationSize: must be at most 16384/],
    [{ box: { head: 'three_mlp' } }, /box\.head: must be "two_mlp" or "conv_fc"/],
    [{ post: { scoreThresh: 2 } }, /post\.scoreThresh: must be between 0 and 1/],
    [
      { anchors: { sizes: [[32]] } },
      /anchors\.sizes has 1 entries, but there are 5 levels \(strides 4, 8, 16, 32, 64\)/,
    ],
    [{ anchors: { ratios: [[1], [1], [1], [1], [1, 2]] } }, /the levels have 1, 1, 1, 1, 2/],
  ])('%j is refused', (options, message) => {
    expect(() => create(options as FasterRcnnInput)).toThrow(message);
  });
});

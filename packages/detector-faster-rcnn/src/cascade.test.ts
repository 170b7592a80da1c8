import { computeStep, createStepRng, parseOptions, tidy, trainedVariables } from '@kd/core';
import { twoImages } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CascadeRcnnDetector, type CascadeRcnnInput, cascadeRcnn } from './index.js';

const tiny: CascadeRcnnInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  anchors: { sizes: [[8], [16], [32], [64], [128]] },
  rpn: { preNmsTopN: 20, postNmsTopN: 10, batchSize: 16 },
  roi: { batchSize: 8, canonicalScale: 32, outputSize: 3 },
  box: { representationSize: 8 },
  post: { scoreThresh: 0.01 },
  input: { minSize: 64, maxSize: 64 },
};
const categories = ['cell', 'platelet', 'other'].map((name, id) => ({ id, name }));
const create = (options: CascadeRcnnInput = tiny): CascadeRcnnDetector =>
  cascadeRcnn.definition.create(parseOptions(cascadeRcnn.definition.options, options, 'cascade-rcnn'), {
    categories,
    seed: 7,
  }) as CascadeRcnnDetector;

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('a Cascade R-CNN', () => {
  let detector: CascadeRcnnDetector;
  beforeAll(() => {
    detector = create();
  });
  afterAll(() => detector.dispose());
  const set = (path: string, value: number | number[]): void => {
    const { variable } = detector.variables.find((one) => one.path === path)!;
    variable.assign(typeof value === 'number' ? tf.fill(variable.shape, value) : tf.tensor1d(value));
  };
  const terms = (): Record<string, number> => {
    const { images, targets } = twoImages();
    const models = {
      student: detector,
      teacher: null,
      distillers: [],
      taps: { student: [], teacher: [] },
      variables: trainedVariables(detector, []),
      seed: 0,
    };
    const { names, terms: values } = computeStep(models, images, targets, {
      step: 0,
      steps: 1,
      epoch: 0,
      epochs: 1,
      fraction: 0,
    });
    return Object.fromEntries(names.map((name, i) => [name, values.dataSync()[i]!]));
  };

  it('has one box head a stage, whose boxes are those of all classes', () => {
    for (const stage of [0, 1, 2]) {
      const shapeOf = (layer: string): number[] =>
        detector.variables.find(({ path }) => path === `roi_heads.${stage}.box_predictor.${layer}/kernel`)!.variable
          .shape;
      expect([shapeOf('cls_score'), shapeOf('bbox_pred')]).toEqual([
        [8, 4],
        [8, 4],
      ]);
    }
  });

  it('weights the loss of each stage, which starts at that of a guess', () => {
    for (const stage of [0, 1, 2])
      for (const weight of ['kernel', 'bias'])
        for (const layer of ['cls_score', 'bbox_pred']) set(`roi_heads.${stage}.box_predictor.${layer}/${weight}`, 0);
    const found = terms();
    expect(Object.keys(found)).toEqual(
      [1, 2, 3]
        .flatMap((stage) => [`loss_classifier_${stage}`, `loss_box_reg_${stage}`])
        .concat(['loss_objectness', 'loss_rpn_box_reg']),
    );
    for (const [stage, weight] of [
      [1, 1],
      [2, 0.5],
      [3, 0.25],
    ] as const)
      expect(found[`loss_classifier_${stage}`]).toBeCloseTo(weight * Math.log(4), 4);
  });

  it('scores by the mean logits of its stages, and moves boxes stage by stage', async () => {
    const { images, targets } = twoImages();
    const logits = [
      [0, 3, 0, 0],
      [0, 0, 3, 0],
      [0, 0, 3, 0],
    ];
    logits.forEach((bias, stage) => set(`roi_heads.${stage}.box_predictor.cls_score/bias`, bias));
    const sizes = {
      imageSizes: targets.imageSizes,
      originalSizes: targets.imageSizes,
      ids: targets.ids,
      shape: [2, 32, 64, 3] as const,
    };
    const detect = async () => {
      const output = tidy(() => detector.forward(images, { training: false }));
      return detector.detect(output, sizes);
    };
    const [first] = await detect();
    const powers = [0, 1, 2, 0].map((value) => Math.exp(value));
    const total = powers.reduce((sum, value) => sum + value, 0);
    expect(first!.labels[0]).toBe(1);
    expect(first!.scores[0]).toBeCloseTo(powers[2]! / total, 5);
    expect(Math.max(...[...first!.scores].filter((_, i) => first!.labels[i] === 0))).toBeCloseTo(powers[1]! / total, 5);
    // Each stage makes a box half as wide: its weight of the width turns the same delta into another factor.
    const width = (found: typeof first): number =>
      Math.max(...[...found!.scores.keys()].map((i) => found!.boxes[4 * i + 2]! - found!.boxes[4 * i]!));
    [5, 10, 15].forEach((weight, stage) =>
      set(`roi_heads.${stage}.box_predictor.bbox_pred/bias`, [0, 0, -Math.LN2 * weight, 0]),
    );
    const [narrow] = await detect();
    expect(width(narrow)).toBeCloseTo(width(first) / 8, 3);
  });

  it('needs the regions that it sampled itself', () => {
    const { images, targets } = twoImages();
    tf.tidy(() => {
      const output = detector.forward(images, { training: true });
      const priors = detector.priors(output, targets.paddedSize);
      const assignment = detector.assign(priors, targets);
      const regions = detector.secondStage.sample(output, priors, assignment, targets, createStepRng(0));
      const second = {
        regions: { ...regions },
        output: detector.secondStage.run(output, regions.boxes, targets.imageSizes),
      };
      expect(() => detector.terms(output, priors, assignment, targets, second)).toThrow(/the object itself/);
    });
  });
});

it.each([
  [{ stages: [] }, /stages: must have at least one stage/],
  [
    {
      stages: [
        { iou: 0.6, weight: 1, boxWeights: [1, 1, 1, 1] },
        { iou: 0.5, weight: 1, boxWeights: [1, 1, 1, 1] },
      ],
    },
    /must not fall, but they are 0\.6, 0\.5/,
  ],
  [{ version: 1 }, /there is no option "version"/],
  [{ box: { representationSize: 1e9 } }, /box\.representationSize: must be at most 16384/],
])('%j is refused', (options, message) => {
  expect(() => create(options as CascadeRcnnInput)).toThrow(message);
});

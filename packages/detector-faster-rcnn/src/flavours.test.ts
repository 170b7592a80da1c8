import { parseOptions, type Targets } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { FLAVOURS } from './flavours.js';
import { fasterRcnn, type FasterRcnnInput, resolveConfig } from './index.js';
import { sampleRegions } from './second-stage.js';

const config = (options: FasterRcnnInput) =>
  resolveConfig(parseOptions(fasterRcnn.definition.options, options, 'faster-rcnn'));

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('the flavours', () => {
  it('have defaults of their own', () => {
    const of = ({ rpn, roi }: ReturnType<typeof config>) => [rpn.postNmsTopN.train, rpn.beta, rpn.minSize, roi.aligned];
    expect(of(config({}))).toEqual([2000, 1 / 9, 1e-3, false]);
    expect(of(config({ flavour: 'mmdet' }))).toEqual([1000, 0, 0, true]);
    expect(config({ flavour: 'mmdet' }).rpn.lowQualityMin).toBe(0.3);
  });

  it.each<[FasterRcnnInput, RegExp]>([
    [{ flavour: 'mmdet', version: 1 }, /version 1 is one of torchvision's/],
    [{ rpn: { lowQualityMin: 0.3 } }, /rpn\.lowQualityMin would not be read: the flavour is "torchvision"/],
    [{ rpn: { allowedBorder: 0 } }, /rpn\.allowedBorder would not be read/],
  ])('refuse %j', (options, message) => {
    expect(() => config(options)).toThrow(message);
  });

  it('read the options that a run has recorded', () => {
    const { rpn } = config({});
    expect(config({ rpn: { allowedBorder: rpn.allowedBorder } }).rpn.allowedBorder).toBe(false);
  });
});

/** One image of 40 by 30 pixels with one object. */
const targets: Targets = {
  get boxes() {
    return tf.tensor3d([[[0, 0, 16, 16]]]);
  },
  get labels() {
    return tf.tensor2d([[0]], [1, 1], 'int32');
  },
  get mask() {
    return tf.tensor2d([[1]]);
  },
  imageSizes: [[30, 40]],
  paddedSize: [64, 64],
  ids: [0],
};

describe('mmdet', () => {
  const rules = FLAVOURS.mmdet;
  const assigned = (options: NonNullable<FasterRcnnInput['rpn']>): number[] => {
    const anchors = tf.tensor2d([
      [0, 0, 16, 16],
      [-1, 0, 15, 16],
      [24, 0, 40, 16],
      [23.5, 13.9, 39.5, 29.9],
      [40, 40, 56, 56],
    ]);
    return [...rules.assign(anchors, targets, config({ flavour: 'mmdet', rpn: options })).dataSync()];
  };

  it('ignores anchors that leave the image further than allowed, or lie in its padding', () => {
    expect(assigned({})).toEqual([0, 0, -1, -1, -2]);
    expect(assigned({ allowedBorder: 0 })).toEqual([0, -2, -2, -1, -2]);
    expect(assigned({ allowedBorder: 1 })).toEqual([0, 0, -1, -1, -2]);
  });

  it('counts positives and negatives of an image as one each at least', () => {
    const positive = tf.tensor2d([
      [1, 1, 0, 0],
      [0, 0, 0, 0],
    ]);
    const sampled = tf.tensor2d([
      [1, 1, 0, 0],
      [1, 1, 1, 0],
    ]);
    expect(rules.divisor(positive, sampled).dataSync()[0]).toBe(2 + 1 + 1 + 3);
    expect(FLAVOURS.torchvision.divisor(positive, sampled).dataSync()[0]).toBe(5);
  });

  it('lets a ground truth among the regions answer for itself, where torchvision matches it', () => {
    const twice: Targets = {
      ...targets,
      boxes: tf.tensor3d([
        [
          [0, 0, 16, 16],
          [0, 0, 16, 16],
        ],
      ]),
      mask: tf.tensor2d([[1, 1]]),
      labels: tf.tensor2d([[0, 1]], [1, 2], 'int32'),
    };
    const matched = (ownTruth: boolean): number[] => {
      const proposals = { boxes: tf.tensor3d([[[20, 20, 30, 30]]]), mask: tf.tensor2d([[1]]) };
      const options = { high: 0.5, low: 0.5, batchSize: 8, positiveFraction: 1, ownTruth };
      const all = ({ positive, negative }: Record<'positive' | 'negative', tf.Tensor2D>): tf.Tensor2D =>
        tf.cast(tf.logicalOr(positive, negative), 'float32');
      return [...sampleRegions(proposals, twice, options, (_, of) => all(of), undefined as never).matched.dataSync()];
    };
    expect(matched(true)).toEqual([-1, 0, 1]);
    expect(matched(false)).toEqual([-1, 0, 0]);
  });
});

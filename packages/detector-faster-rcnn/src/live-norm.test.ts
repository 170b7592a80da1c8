import { computeStep, parseOptions, type StepResult, type Targets, trainedVariables } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fasterRcnn, type FasterRcnnDetector, type FasterRcnnInput } from './index.js';

// Expected numbers: `python tests/reference/faster_rcnn_live_norm.py`, torchvision 0.21 in float64.

const RATE = 0.02;
const EVERY = 100_000;
const options: FasterRcnnInput = {
  version: 2,
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 4 },
  trainableLayers: 5,
  fpnChannels: 4,
  anchors: { sizes: [[8], [16], [32], [64], [128]] },
  rpn: { preNmsTopN: 30, postNmsTopN: 20, batchSize: EVERY },
  roi: { batchSize: EVERY, canonicalScale: 32, outputSize: 3 },
  box: { convLayers: [6, 5], fcLayers: [8, 7] },
};
const create = (given: FasterRcnnInput = options): FasterRcnnDetector =>
  fasterRcnn.definition.create(parseOptions(fasterRcnn.definition.options, given, 'faster-rcnn'), {
    categories: ['a', 'b', 'c'].map((name, id) => ({ id, name })),
    seed: 0,
  }) as FasterRcnnDetector;

/** Sines for weights, as the reference has them. */
function fill({ variables }: FasterRcnnDetector): void {
  for (const { path, variable } of variables) {
    const phase = [...path].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 97;
    const { shape } = variable;
    const leaf = path.slice(path.lastIndexOf('/') + 1);
    const fanIn = shape.slice(0, -1).reduce((product, side) => product * side, 1);
    const value = (wave: number): number => {
      if (leaf === 'kernel') return wave * Math.sqrt(3 / fanIn);
      return leaf === 'gamma' || leaf === 'moving_variance' ? 1 + 0.3 * wave : 0.2 * wave;
    };
    const values = Float32Array.from({ length: variable.size }, (_, i) => value(Math.sin(1.7 * i ** 2 + phase)));
    tf.tidy(() => variable.assign(tf.tensor(values, shape)));
  }
}

function batch(): { images: tf.Tensor4D; targets: Targets } {
  const images = Float32Array.from({ length: 2 * 64 * 64 * 3 }, (_, i) => Math.sin(0.37 * i + Math.sin(0.011 * i)));
  return {
    images: tf.tensor4d(images, [2, 64, 64, 3]),
    targets: {
      boxes: tf.tensor3d(
        [4, 6, 40, 28, 30, 20, 60, 62, 2, 40, 22, 60, 10, 10, 30, 41, 0, 0, 0, 0, 0, 0, 0, 0],
        [2, 3, 4],
      ),
      labels: tf.tensor2d([0, 2, 1, 1, 0, 0], [2, 3], 'int32'),
      mask: tf.tensor2d([1, 1, 1, 1, 0, 0], [2, 3]),
      imageSizes: [
        [64, 64],
        [64, 48],
      ],
      paddedSize: [64, 64],
      ids: [1, 2],
    },
  };
}

function step(detector: FasterRcnnDetector, images: tf.Tensor4D, targets: Targets): StepResult {
  return computeStep(
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
    { step: 0, steps: 3, epoch: 0, epochs: 1, fraction: 0 },
  );
}

/** Plain gradient descent, and the new running statistics. */
function update({ variables }: FasterRcnnDetector, { gradients, updates, terms }: StepResult): void {
  for (const { path, variable } of variables) {
    const gradient = gradients.get(`student/${path}`);
    if (gradient) tf.tidy(() => variable.assign(tf.sub(variable, tf.mul(gradient, RATE))));
  }
  for (const { variable, value } of updates) variable.assign(value);
  tf.dispose([terms, ...gradients.values(), ...updates.map(({ value }) => value)]);
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('Faster R-CNN of version 2 in training', () => {
  let detector: FasterRcnnDetector;
  beforeAll(() => {
    detector = create();
    fill(detector);
  });
  afterAll(() => detector.dispose());
  const close = (got: Iterable<number>, expected: readonly number[]): void =>
    expect([...got]).toEqual(expected.map((value) => expect.closeTo(value, 5)));

  it('says in pieces what it says in a step, by the statistics of the rows that count', () => {
    tf.tidy(() => {
      const { images, targets } = batch();
      const { head, ...stage } = detector.secondStage;
      const output = detector.forward(images, { training: true });
      const { features, logits } = stage.run(output, targets.boxes, targets.imageSizes, targets.mask);
      const [b, n, height, width, channels] = features.shape;
      const pooled = tf.reshape(features, [b * n, height, width, channels]) as tf.Tensor4D;
      const mask = tf.reshape(targets.mask, [-1]) as tf.Tensor1D;
      const pieces = (training: boolean): Iterable<number> => {
        const at = { level: 0, training, mask };
        const feature = head!.run('box', pooled, { ...at, to: 1 })['feature']!;
        return head!.run('box', feature, { ...at, from: 1 })['logits']!.dataSync();
      };
      close(pieces(true), [...logits.dataSync()]);
      expect(Math.abs([...pieces(false)][0]! - logits.dataSync()[0]!)).toBeGreaterThan(1e-3);
    });
  });

  it("goes torchvision's way for three steps: losses, running statistics, weights; no padding row counts", () => {
    const { images, targets } = batch();
    const before = tf.memory().numTensors;
    for (const expected of [
      [1.542593, 0.673931, 0.928801, 0.003404],
      [1.449416, 0.220863, 0.889536, 0.002494],
      [1.407773, 0.292877, 0.87481, 0.002849],
    ]) {
      const result = step(detector, images, targets);
      expect(result.names).toEqual(['loss_classifier', 'loss_box_reg', 'loss_objectness', 'loss_rpn_box_reg']);
      close(result.terms.dataSync(), expected);
      update(detector, result);
    }
    expect(tf.memory().numTensors).toBe(before);

    const values = (path: string): Iterable<number> =>
      detector.variables.find((one) => one.path === path)!.variable.dataSync();
    for (const [layer, mean, variance] of [
      ['backbone.body.bn1', [0.132579, -0.077478, 0.085061, -0.145484], [0.951226, 1.074591, 1.009789, 0.892459]],
      [
        'backbone.fpn.layer_blocks.3.1',
        [-0.063636, 0.080158, 0.152919, 0.102773],
        [0.952859, 0.942915, 0.799941, 1.23888],
      ],
      [
        'roi_heads.box_head.0.1',
        [-0.098368, 0.01601, -0.158747, 0.116689, 0.063641, 0.03077],
        [0.973809, 0.65513, 0.86555, 0.707787, 0.609789, 1.001735],
      ],
      [
        'roi_heads.box_head.1.1',
        [-0.124862, 0.038979, -0.061469, 0.26912, 0.206738],
        [0.801734, 0.638709, 0.598412, 0.868521, 0.760833],
      ],
    ] as const) {
      close(values(`${layer}/moving_mean`), mean);
      close(values(`${layer}/moving_variance`), variance);
    }
    expect(Math.hypot(...values('roi_heads.box_head.3/kernel'))).toBeCloseTo(3.42506, 5);
    tf.dispose([images, targets.boxes, targets.labels, targets.mask]);
  });

  it('keeps the running statistics of the box head where no image has a region', () => {
    const { images, targets } = batch();
    const { updates } = tf.tidy(() => {
      const output = detector.forward(images, { training: true });
      const before = output.updates.length;
      detector.secondStage.run(output, targets.boxes, targets.imageSizes, tf.zerosLike(targets.mask));
      return { updates: output.updates.slice(before) } as never;
    }) as unknown as { updates: StepResult['updates'] };
    expect(updates).toHaveLength(4);
    for (const { variable, value } of updates) expect([...value.dataSync()]).toEqual([...variable.dataSync()]);
  });
});

describe('widths of the box head', () => {
  const shapes = (box: FasterRcnnInput['box']): Record<string, number[]> => {
    const detector = create({ ...options, box });
    const kernels = detector.variables.filter(({ path }) => /box_head.*kernel|cls_score\/kernel/.test(path));
    const found = Object.fromEntries(kernels.map(({ path, variable }) => [path.slice(10, -7), variable.shape]));
    detector.dispose();
    return found;
  };

  it('are a list each of convolutions and linear layers, under the names of torchvision', () => {
    expect(shapes({ convLayers: [6, 5], fcLayers: [8, 7] })).toEqual({
      'box_head.0.0': [3, 3, 4, 6],
      'box_head.1.0': [3, 3, 6, 5],
      'box_head.3': [45, 8],
      'box_head.5': [8, 7],
      'box_predictor.cls_score': [7, 4],
    });
    expect(shapes({ convLayers: [], fcLayers: [8] })).toEqual({
      'box_head.1': [36, 8],
      'box_predictor.cls_score': [8, 4],
    });
  });

  it('are as many equal ones by default', () => {
    expect(shapes({ convs: 1, channels: 6, representationSize: 8 })).toEqual({
      'box_head.0.0': [3, 3, 4, 6],
      'box_head.2': [54, 8],
      'box_predictor.cls_score': [8, 4],
    });
  });

  it.each<[FasterRcnnInput['box'], RegExp]>([
    [{ convLayers: [6], channels: 3 }, /box\.channels would not be read beside the widths in box\.convLayers/],
    [{ fcLayers: [6], representationSize: 3 }, /box\.representationSize would not be read beside/],
    [{ head: 'two_mlp', fcLayers: [6] }, /box\.fcLayers would not be read: the box head is two_mlp/],
    [{ head: 'two_mlp', convs: 2, channels: 3 }, /box\.convs and box\.channels would not be read/],
    [{ fcLayers: [] }, /box\.fcLayers: must have at least one layer/],
    [{ convLayers: [0] }, /box\.convLayers\.0: must be/],
  ])('%j is refused', (box, message) => {
    expect(() => create({ ...options, box })).toThrow(message);
  });
});

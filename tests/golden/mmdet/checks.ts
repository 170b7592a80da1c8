import { disposeAll, tidy } from '@kd/core';
import { inputTransform } from '@kd/data';
import { encodeBoxes, encodeDistances, inOwnArea } from '@kd/vision';
import { toMmdet } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { expectChecksum, expectLosses, expectNear, LIMITS, torchValues } from '../detectors/expectations.js';
import type { TensorEntry } from '../detectors/index-file.js';
import { onBatch, stepOf, trajectoryOf } from '../detectors/steps.js';
import { expectClose, expectEqual, maxDifference, relativeL2, only, scoped } from '../support/index.js';
import { builtOf, type LoadedCase } from './loaded-case.js';

/** Share of the sum of magnitudes within which checksums agree. */
const CHECKSUM = 1e-4;
/** Of a scale factor, and pixels of a box, from the second implementation of the golden folder. */
const [FACTOR, PIXELS] = [1e-6, 1e-4];

const entryOf = ({ index }: LoadedCase, key: string): TensorEntry => {
  const entry = index.tensors.entries[key];
  if (entry === undefined) throw new Error(`${index.name}: no entry for tensor "${key}"`);
  return entry;
};
export const limitOf = (loaded: LoadedCase, key: string): number => LIMITS.features(entryOf(loaded, key));

/** What of a state dict is no variable here. */
const IGNORED = /\.num_batches_tracked$|^bbox_head\.integral\.project$/;

/** Every tensor of the state dict becomes a variable, the way back has its name, and what trains there trains here. */
export function checkParameters({ index, detector, weights, state }: LoadedCase): void {
  expect(state.ignored.filter(({ name }) => !IGNORED.test(name))).toEqual([]);
  const paths = new Set(detector.variables.map(({ path }) => path));
  expect(
    [...state.tensors.keys()].filter((path) => !paths.has(path)),
    'unknown',
  ).toEqual([]);
  expect(state.tensors.size + state.ignored.length).toBe(weights.size);
  const back = toMmdet(state.tensors);
  for (const [name, { shape, data }] of back) {
    expect(shape, name).toEqual(weights.get(name)?.shape);
    expect(maxDifference(data as Float32Array, weights.get(name)!.data as Float32Array), name).toBe(0);
  }
  expect(back.size).toBe(state.tensors.size);
  const trained = new Map(detector.variables.map(({ path, trainable }) => [path, trainable]));
  const named = (trainable: boolean): string[] =>
    [...state.sources].flatMap(([path, name]) => (trained.get(path) === trainable ? [name] : [])).sort();
  const { trainable_parameters: all, frozen_parameters: frozen } = index.weights;
  // A case of backbone and pyramid alone has no weights of the head.
  const wanted = index.train ? all : all.filter((name) => !name.startsWith('bbox_head.'));
  expect(named(true), 'trained').toEqual([...wanted].sort());
  expect(named(false), 'not trained').toEqual(expect.arrayContaining([...frozen]));
}

export async function checkInput({ index, io, detector, batch }: LoadedCase): Promise<void> {
  const host = batch();
  expect(host.imageSizes.map((size) => [...size])).toEqual(index.images.map(({ img_shape: size }) => size));
  index.images.forEach(({ ori_shape: [h, w], img_shape: [newH, newW], scale_factor_wh: [x, y] }) => {
    expectNear(newW / w, x, FACTOR, 'scale of x');
    expectNear(newH / h, y, FACTOR, 'scale of y');
  });
  const [n, c, h, w] = index.transform.batch_shape;
  expect(host.shape).toEqual([n, h, w, c]);
  await onBatch(host, async (images) => {
    const values = await torchValues(images);
    expectChecksum(values, index.transform.checksum, 1e-5, 'batch');
    if (io.has('transform/batch')) expectClose(values, io.get('transform/batch').values, LIMITS.batch, 'batch');
    const [first, end] = index.transform.batch_rows ?? [0, 0];
    if (end > first) {
      const rows = Array.from({ length: n * c }, (_, plane) =>
        values.subarray((plane * h + first) * w, (plane * h + end) * w),
      );
      expectClose(
        rows.flatMap((row) => [...row]),
        io.get('transform/batch_rows').values,
        LIMITS.batch,
        'batch_rows',
      );
    }
  });
  const originals = index.images.flatMap(({ tensor }) => (tensor === undefined ? [] : [io.get(tensor)]));
  if (originals.length === 0) return;
  // mmdetection resizes in whole numbers: a value may be one off.
  const made = inputTransform(
    originals.map(({ values, shape }) => ({
      image: { data: Uint8Array.from(values), height: shape[0]!, width: shape[1]! },
    })),
    detector.input,
  );
  const { std, range = 1 } = detector.input;
  expect(made.shape).toEqual(host.shape);
  expectClose(
    made.images.map((value, i) => value * std[i % 3]! * (255 / range)),
    host.images.map((value, i) => value * std[i % 3]! * (255 / range)),
    1 + 1e-3,
    'resized images in values of 0 to 255',
  );
}

/** The levels, and the head's maps of evaluation. */
export async function checkForward(loaded: LoadedCase): Promise<void> {
  const { index, io, detector, batch } = loaded;
  await onBatch(batch(), (images) =>
    scoped(async () => {
      const output = detector.forward(images, { training: false });
      expect(output.levels.length).toBe(index.fpn.length);
      for (const [i, { shape, checksum, tensor }] of index.fpn.entries()) {
        const level = output.levels[i]!;
        expect(level.shape, tensor).toEqual([shape[0], shape[2], shape[3], shape[1]]);
        const values = await torchValues(level);
        expectChecksum(values, checksum, CHECKSUM, tensor);
        expectClose(values, io.get(tensor).values, limitOf(loaded, tensor), tensor);
      }
      await checkMaps(loaded, 'head', output.predictions);
      await checkMaps(loaded, 'rpn', output.predictions);
    }),
  );
}

const MAPS: Readonly<Record<string, string>> = { cls_score: 'cls', bbox_pred: 'reg', centerness: 'centerness' };

/** Every map that is stored below `prefix`, `<name>/<level>`. */
export async function checkMaps(
  loaded: LoadedCase,
  prefix: string,
  predictions: Readonly<Record<string, readonly tf.Tensor4D[]>>,
): Promise<void> {
  const pattern = new RegExp(`^${prefix}/(${Object.keys(MAPS).join('|')})/(\\d+)$`);
  for (const key of Object.keys(loaded.index.tensors.entries)) {
    const [, name, level] = pattern.exec(key) ?? [];
    if (name === undefined) continue;
    expectClose(
      await torchValues(predictions[MAPS[name]!]![Number(level)]!),
      loaded.io.get(key).values,
      limitOf(loaded, key),
      key,
    );
  }
}

/** Anchors or points. */
export async function checkPriors({ index, io, detector, batch }: LoadedCase): Promise<void> {
  const host = batch();
  const { tensor, per_level: perLevel, strides } = (index.anchors ?? index.points)!;
  expect(builtOf(index).strides, 'strides of the network').toEqual(strides);
  await onBatch(host, (images) =>
    scoped(async () => {
      const priors = detector.priors(detector.forward(images, { training: false }), [host.shape[1], host.shape[2]]);
      expect(priors.perLevel).toEqual(perLevel);
      expect(priors.strides.map((stride) => [...stride])).toEqual(strides.map((stride) => [stride, stride]));
      const ours = index.anchors ? priors.boxes : centres(priors.boxes);
      expectClose(await ours.data(), io.get(tensor).values, PIXELS, tensor);
      if (!index.anchors) return;
      const valid = await inOwnArea(priors.boxes, host.imageSizes, detector.input.sizeDivisible).array();
      host.ids.forEach((_, i) => expectEqual(valid[i]!, io.get(`valid${i}`).values, `valid${i}`));
    }),
  );
}

/** [a, 2] x and y */
const centres = (boxes: tf.Tensor2D): tf.Tensor2D => {
  const [low, high] = tf.split(boxes, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  return tf.mul(tf.add(low, high), 0.5);
};

export async function checkDetections({ index, io, detector, batch }: LoadedCase): Promise<void> {
  const host = batch();
  await onBatch(host, async (images) => {
    const output = tidy(() => detector.forward(images, { training: false }));
    const found = await detector.detect(output, host);
    disposeAll(output);
    expect(found.length).toBe(index.eval!.length);
    found.forEach(({ labels, scores, boxes }, i) => {
      expectEqual(labels, io.get(`eval/labels${i}`).values, `image ${i}: labels`);
      expectClose(scores, io.get(`eval/scores${i}`).values, LIMITS.scores, `image ${i}: scores`);
      expectClose(boxes, io.get(`eval/boxes${i}`).values, LIMITS.boxes, `image ${i}: boxes`);
      expect(labels.length).toBe(index.eval![i]!.detections);
    });
  });
}

/** What a one-stage detector, or a first stage, trains on. */
export async function checkAssignment(loaded: LoadedCase, scenario: string): Promise<void> {
  const { index, io, detector, batch } = loaded;
  const host = batch(scenario);
  const { boxes_per_image: counts, assignment: wanted } = index.train![scenario]!;
  const background = wanted.background_label;
  await onBatch(host, (images, targets) =>
    scoped(async () => {
      const output = detector.forward(images, { training: true });
      await checkMaps(loaded, `train/${scenario}`, output.predictions);
      const priors = detector.priors(output, targets.paddedSize);
      const { matched, positives } = detector.assign(priors, targets);
      const [, count] = matched.shape;
      const rows = await matched.array();
      expectEqual(await positives.data(), wanted.positives, `${scenario}: positives`);
      const prefix = `train/${scenario}/${index.detector.endsWith('RCNN') ? 'rpn_' : ''}`;
      let divisor = 0;
      for (const [i, boxes] of counts.entries()) {
        const at = (name: string): string => `${prefix}${name}${i}`;
        const own = host.boxes.subarray(i * host.maxBoxes * 4, (i * host.maxBoxes + boxes) * 4);
        expectClose(
          own,
          io.get(`train/${scenario}/resized_boxes${i}`).values,
          PIXELS,
          `${scenario}: boxes of image ${i}`,
        );
        const classOf = (match: number): number =>
          prefix.endsWith('rpn_') ? 0 : host.labels[i * host.maxBoxes + match]!;
        const image = rows[i]!;
        expectEqual(
          image.map((match) => (match >= 0 ? classOf(match) : background)),
          io.get(at('labels')).values,
          at('labels'),
        );
        // FCOS ignores nothing, and has no weights.
        const weights = image.map((match) => (match === -2 ? 0 : 1));
        if (io.has(at('label_weights'))) expectEqual(weights, io.get(at('label_weights')).values, at('label_weights'));
        else expectEqual(weights, new Array(count).fill(1), `${scenario}: ignored in image ${i}`);
        const found = image.flatMap((match, prior) => (match >= 0 ? [prior] : []));
        expectEqual(found, io.get(at('pos')).values, at('pos'));
        const negatives = image.filter((match) => match === -1).length;
        divisor += Math.max(found.length, 1) + (prefix.endsWith('rpn_') ? Math.max(negatives, 1) : 0);
        if (found.length === 0) continue;
        const chosen = tf.gather(priors.boxes, tf.tensor1d(found, 'int32')) as tf.Tensor2D;
        const wantedBoxes = tf.tensor2d(
          found.flatMap((prior) => [...own.subarray(image[prior]! * 4, image[prior]! * 4 + 4)]),
          [found.length, 4],
        );
        expectClose(
          await boxTargets(loaded, wantedBoxes, chosen, strideColumn(priors.perLevel, index, found)).data(),
          io.get(at('bbox_targets')).values,
          PIXELS,
          at('bbox_targets'),
        );
      }
      if (wanted.avg_factor !== undefined) expect(divisor, `${scenario}: avg_factor`).toBe(wanted.avg_factor);
    }),
  );
}

/** [n, 1] stride of each of these priors */
function strideColumn(perLevel: readonly number[], index: LoadedCase['index'], priors: readonly number[]): tf.Tensor2D {
  const { strides } = (index.anchors ?? index.points)!;
  const all = perLevel.flatMap((count, level) => new Array<number>(count).fill(strides[level]!));
  return tf.tensor2d(
    priors.map((prior) => all[prior]!),
    [priors.length, 1],
  );
}

/** The positives' boxes as the case stores them: codes, distances or boxes. [n, 4] */
function boxTargets({ index }: LoadedCase, boxes: tf.Tensor2D, priors: tf.Tensor2D, strides: tf.Tensor2D): tf.Tensor {
  if (index.detector === 'ATSS' || index.detector === 'GFL') return boxes;
  if (index.detector !== 'FCOS') return encodeBoxes(boxes, priors, { weights: [1, 1, 1, 1] });
  const distances = encodeDistances(boxes, priors, { normalizeBySize: false });
  const { head } = builtOf(index).options as { readonly head: { readonly normOnBbox: boolean } };
  return head.normOnBbox ? tf.div(distances, strides) : distances;
}

const LOSSES: Readonly<Record<string, string>> = {
  loss_cls: 'classification',
  loss_bbox: 'bbox_regression',
  loss_centerness: 'bbox_ctrness',
  loss_dfl: 'bbox_distribution',
};

const TWO_STAGE_LOSSES: Readonly<Record<string, string>> = {
  loss_rpn_cls: 'loss_objectness',
  loss_rpn_bbox: 'loss_rpn_box_reg',
  loss_cls: 'loss_classifier',
  loss_bbox: 'loss_box_reg',
};

/** The losses of a case under our names; a stage's begin with `s0.`. */
function ourLosses({ index }: LoadedCase, losses: Readonly<Record<string, number>>): Record<string, number> {
  const table = index.detector.endsWith('RCNN') ? TWO_STAGE_LOSSES : LOSSES;
  return Object.fromEntries(
    Object.entries(losses).map(([name, value]) => {
      const [, stage, of] = /^(?:s(\d+)\.)?(.+)$/.exec(name)!;
      const ours = table[of!];
      if (ours === undefined) throw new Error(`the case has a loss "${name}", which no test knows`);
      return [stage === undefined ? ours : `${ours}_${Number(stage) + 1}`, value];
    }),
  );
}

export async function checkGradients(loaded: LoadedCase, scenario: string): Promise<void> {
  const { index, io } = loaded;
  const wanted = index.train![scenario]!;
  const robustness = index.robustness!.gradients;
  const { losses, gradients } = await stepOf(loaded, scenario);
  expectLosses(losses, ourLosses(loaded, wanted.sums), LIMITS.losses, scenario);
  const total = Object.values(losses).reduce((sum, value) => sum + value, 0);
  expectNear(total, wanted.total, LIMITS.losses * wanted.total, `${scenario}: total`);
  expect([...gradients.keys()].sort(), `${scenario}: parameters with a gradient`).toEqual(
    [...Object.keys(wanted.grad_norms), ...wanted.no_grad].sort(),
  );
  for (const [name, norm] of Object.entries(wanted.grad_norms)) {
    const limit = LIMITS.gradientNorms(robustness[name] ?? 0);
    expectNear(Math.hypot(...gradients.get(name)!), norm, limit * norm, `${scenario}: norm of the gradient of ${name}`);
  }
  for (const name of wanted.grad_tensors) {
    const stored = io.get(`train/${scenario}/grad/${name}`).values;
    const difference = relativeL2(gradients.get(name)!.subarray(0, stored.length), stored);
    expect(difference, `${scenario}: gradient of ${name}`).toBeLessThanOrEqual(LIMITS.gradients(robustness[name] ?? 0));
  }
}

export async function checkTrajectory(loaded: LoadedCase): Promise<void> {
  const { index, io } = loaded;
  const wanted = index.trajectory!;
  const { steps_log: log, after_last_step: last } = wanted;
  only(
    'optimizer',
    wanted.optimizer,
    'SGD, one group with all trainable parameters; dampening 0, no nesterov, no clipping',
  );
  try {
    const { losses, variables } = await trajectoryOf(loaded);
    [...log, last].forEach((step, i) =>
      expectLosses(losses[i]!, ourLosses(loaded, step.losses), LIMITS.trajectory, `step ${i}`),
    );
    for (const [name, norm] of Object.entries(wanted.final_weight_norms))
      expectNear(Math.hypot(...variables.get(name)!), norm, LIMITS.trajectory * norm, `norm of ${name}`);
    for (const name of wanted.final_tensors) {
      const stored = io.get(`trajectory/final/${name}`).values;
      expect(relativeL2(variables.get(name)!.subarray(0, stored.length), stored), name).toBeLessThanOrEqual(
        LIMITS.trajectory,
      );
    }
  } finally {
    loaded.reload();
  }
}

import {
  featureLoss,
  type GeneralInstances,
  relationLoss,
  responseLosses,
  responseMask,
  selectInstances,
} from '@kd/plugin-general-instances';
import { decodeBoxes, multiScaleRoiAlign } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { expectClose, expectEqual, only } from '../support/index.js';
import { type BaselineCase, type Check, type Inputs, levels, type Method, type Values } from './method.js';

interface Settings {
  readonly nms: number;
  readonly topk: number;
  readonly minSide: number;
  readonly matchIou: number;
  readonly bestAnchorOfEachBox: boolean;
  readonly roiSize: number;
  readonly samplingRatio: number;
  readonly aligned: boolean;
  readonly firstLevel: number;
  readonly canonicalSize: number;
  readonly canonicalLevel: number;
  readonly strides: readonly number[];
  readonly imageSize: readonly [number, number];
  readonly decode: string;
}

const rowsOf = (values: ArrayLike<number>, columns: number): number[][] =>
  Array.from({ length: values.length / columns }, (_, row) =>
    Array.from({ length: columns }, (_, column) => values[row * columns + column]!),
  );

/** The stored rows [image, box] as a table of the images. */
function stored(values: Values, images: number, topk: number): Pick<GeneralInstances, 'boxes' | 'mask'> {
  const rois = rowsOf(values('rois'), 5);
  const rows = Array.from({ length: images }, (_, image) => rois.filter((roi) => roi[0] === image));
  const padded = (row: number[][]): number[][] =>
    Array.from({ length: topk }, (_, i) => row[i]?.slice(1) ?? [0, 0, 0, 0]);
  return {
    boxes: tf.tensor3d(rows.map(padded), [images, topk, 4]),
    mask: tf.tensor2d(
      rows.map((row) => Array.from({ length: topk }, (_, i) => (i < row.length ? 1 : 0))),
      [images, topk],
    ),
  };
}

/** What the rule selects is what is stored. */
async function checkSelection(
  inputs: Inputs,
  values: Values,
  { nms, topk, minSide, imageSize, decode }: Settings,
  images: number,
  mask: tf.Tensor2D,
): Promise<void> {
  only('decode', decode, 'centre/size deltas, unit weights, no clamp');
  const anchors = tf.expandDims(inputs.get('anchors') as tf.Tensor2D, 0);
  const scored = (role: 's' | 't') => ({
    scores: tf.sigmoid(tf.max(inputs.get(`cls_${role}`)!, 2)) as tf.Tensor2D,
    boxes: decodeBoxes(inputs.get(`reg_${role}`)!, anchors, { clip: Infinity }) as tf.Tensor3D,
  });
  const imageSizes = Array.from({ length: images }, () => imageSize);
  const found = selectInstances(scored('s'), scored('t'), { topk, nms, minSide, imageSizes });
  const there = await mask.data();
  expectEqual(await found.mask.data(), there, 'rois of an image');
  const boxes = ((await found.boxes.array()) as number[][][]).flat();
  const scores = await found.scores.data();
  const rows = [...there.keys()].filter((row) => there[row] === 1);
  expectClose(
    rows.flatMap((row) => [Math.floor(row / topk), ...boxes[row]!]),
    values('rois'),
    1e-4,
    'rois',
  );
  expectClose(
    rows.map((row) => scores[row]!),
    values('gi_score'),
    1e-5,
    'gi_score',
  );
}

/**
 * The rule's mask is the stored one. A small box lies whole in several anchors of one size: their overlaps are equal in
 * float32 and differ in the eighth digit in float64, by which the stored mask has one of them alone. So an anchor may
 * be in our mask and not in the stored one when its overlap is as large as the one that the rule wants, to float32's
 * digits.
 */
async function checkMask(
  inputs: Inputs,
  values: Values,
  instances: Pick<GeneralInstances, 'boxes' | 'mask'>,
  matchIou: number,
): Promise<void> {
  const anchors = inputs.get('anchors') as tf.Tensor2D;
  const made = (await responseMask(anchors, instances, matchIou).array()) as number[][];
  const wanted = rowsOf(values('response_mask'), anchors.shape[0]);
  const corners = rowsOf(values('anchors'), 4);
  const [boxes, mask] = [await instances.boxes.array(), (await instances.mask.array()) as number[][]];
  made.forEach((row, image) => {
    const own = boxes[image]!.filter((_, i) => mask[image]![i] === 1);
    const overlaps = own.map((box) => corners.map((anchor) => iou(box, anchor)));
    const ties = (anchor: number): boolean =>
      overlaps.some((all) =>
        [Math.max(...all), matchIou].some((limit) => Math.abs(all[anchor]! - limit) <= 4 * 2 ** -23 * limit),
      );
    row.forEach((on, anchor) => {
      if (!ties(anchor)) expect(on, `response_mask of anchor ${anchor} of image ${image}`).toBe(wanted[image]![anchor]);
      else if (wanted[image]![anchor] === 1) expect(on, `best anchor ${anchor} of image ${image}`).toBe(1);
    });
  });
}

function iou(a: readonly number[], b: readonly number[]): number {
  const side = (axis: number): number =>
    Math.max(0, Math.min(a[axis + 2]!, b[axis + 2]!) - Math.max(a[axis]!, b[axis]!));
  const area = (x: readonly number[]): number => (x[2]! - x[0]!) * (x[3]! - x[1]!);
  const inter = side(0) * side(1);
  return inter / (area(a) + area(b) - inter);
}

/** The stored instances of a case, and how they are pooled. */
function instancesOf(inputs: Inputs, one: BaselineCase, values: Values) {
  const settings = one.config as unknown as Settings;
  const { roiSize, samplingRatio, aligned, canonicalSize, canonicalLevel, strides } = settings;
  only('bestAnchorOfEachBox', settings.bestAnchorOfEachBox, true);
  only('firstLevel', settings.firstLevel, Math.log2(strides[0]!));
  const images = inputs.get('cls_s')!.shape[0]!;
  const instances = stored(values, images, settings.topk);
  const pool = (maps: readonly tf.Tensor4D[]) =>
    multiScaleRoiAlign(maps, instances.boxes, {
      outputSize: roiSize,
      samplingRatio,
      aligned,
      imageSizes: Array.from({ length: images }, () => settings.imageSize),
      canonicalScale: canonicalSize,
      canonicalLevel,
      strides,
    });
  return { settings, images, instances, pool };
}

export const generalInstancesMethods: Readonly<Record<string, Method>> = {
  gid: (inputs, one, values) => {
    const { instances, pool } = instancesOf(inputs, one, values);
    const [student, teacher] = [pool(levels(inputs, 's')), pool(levels(inputs, 't'))];
    const pooled = { student: student.features, teacher: teacher.features, mask: instances.mask };
    const { cls, reg } = responseLosses({
      studentClasses: inputs.get('cls_s') as tf.Tensor3D,
      teacherClasses: inputs.get('cls_t') as tf.Tensor3D,
      studentBoxes: inputs.get('reg_s') as tf.Tensor3D,
      teacherBoxes: inputs.get('reg_t') as tf.Tensor3D,
      mask: inputs.get('response_mask') as tf.Tensor2D,
    });
    return { feature: featureLoss(pooled), relation: relationLoss(pooled), responseCls: cls, responseReg: reg };
  },
};

export const generalInstancesChecks: Readonly<Record<string, Check>> = {
  gid: async (inputs, one, values) => {
    const { settings, images, instances, pool } = instancesOf(inputs, one, values);
    await checkSelection(inputs, values, settings, images, instances.mask);
    await checkMask(inputs, values, instances, settings.matchIou);
    const [there, pooled] = [await instances.mask.data(), await pool(levels(inputs, 's')).levels.data()];
    expectEqual(
      [...pooled].filter((_, row) => there[row] === 1),
      values('roi_level'),
      'roi_level',
    );
  },
};

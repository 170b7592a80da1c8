import { expect } from 'vitest';
import { oneOf, only } from '../support/index.js';
import type { CaseConfig, DetectorIndex } from './index-file.js';
import type { LoadedCase } from './loaded-case.js';

/** Arguments that torchvision's models were called with, and the value in force that each of them set. */
const ARGUMENTS: Readonly<Record<string, (config: CaseConfig) => unknown>> = {
  score_thresh: ({ post }) => post.score_thresh,
  nms_thresh: ({ post }) => post.nms_thresh,
  detections_per_img: ({ post }) => post.detections_per_img,
  topk_candidates: ({ post }) => post.topk_candidates,
  fg_iou_thresh: ({ matcher }) => matcher?.high,
  bg_iou_thresh: ({ matcher }) => matcher?.low,
  center_sampling_radius: (config) => config.center_sampling_radius,
  rpn_pre_nms_top_n_train: ({ rpn }) => rpn?.pre_nms_top_n.training,
  rpn_pre_nms_top_n_test: ({ rpn }) => rpn?.pre_nms_top_n.testing,
  rpn_post_nms_top_n_train: ({ rpn }) => rpn?.post_nms_top_n.training,
  rpn_post_nms_top_n_test: ({ rpn }) => rpn?.post_nms_top_n.testing,
  rpn_nms_thresh: ({ rpn }) => rpn?.nms_thresh,
  rpn_score_thresh: ({ rpn }) => rpn?.score_thresh,
  rpn_fg_iou_thresh: ({ rpn }) => rpn?.fg_iou_thresh,
  rpn_bg_iou_thresh: ({ rpn }) => rpn?.bg_iou_thresh,
  box_score_thresh: ({ roi }) => roi?.score_thresh,
  box_nms_thresh: ({ roi }) => roi?.nms_thresh,
  box_detections_per_img: ({ roi }) => roi?.detections_per_img,
  box_fg_iou_thresh: ({ roi }) => roi?.fg_iou_thresh,
  box_bg_iou_thresh: ({ roi }) => roi?.bg_iou_thresh,
  bbox_reg_weights: ({ roi }) => roi?.bbox_reg_weights,
};

/** What a case's config says of its inputs, scenarios and trajectory is what its other parts hold. */
export function checkRepeated({ index, io }: LoadedCase): void {
  const { config } = index;
  only('layout', index.layout, 'NCHW activations, OIHW kernels; images HWC uint8');
  expect(
    index.images.map(({ height, width }) => [height, width]),
    'images',
  ).toEqual(config.images);
  for (const [name, of] of Object.entries(ARGUMENTS)) {
    const argument = config.model_kwargs?.[name];
    if (argument !== undefined) only(`model_kwargs.${name}`, argument, of(config));
  }
  expect(Object.keys(index.train), 'scenarios').toEqual(Object.keys(config.scenarios));
  for (const [name, boxes] of Object.entries(config.scenarios)) checkScenario(index, name, boxes);
  const first = oneOf('labels_from', config.labels_from ?? 1, [0, 1]);
  for (const name of Object.keys(config.scenarios)) {
    config.images.forEach((_, image) => {
      for (const label of io.get(`targets/${name}/labels${image}`).values)
        expect(label, `${name}: labels of image ${image}`).toBeGreaterThanOrEqual(first);
    });
  }
  const { steps, lr, momentum, weight_decay, bn_mode: mode, optimizer } = index.trajectory;
  expect({ steps, lr, momentum, weight_decay }, 'trajectory').toEqual({ ...config.trajectory });
  only('trajectory.bn_mode', mode, config.bn_mode);
  only('optimizer', optimizer, 'SGD, one group with all trainable parameters; dampening 0, no nesterov');
}

function checkScenario({ train, config }: DetectorIndex, name: string, boxes: readonly number[]): void {
  expect(train[name]!.boxes_per_image, `${name}: boxes`).toEqual(boxes);
  const [sampling, drawn] = [train[name]!.sampling, config.sampling?.[name]];
  if (sampling === undefined) return;
  expect(drawn?.rpn, `${name}: sampling of anchors`).toEqual([
    sampling.rpn_batch_size_per_image,
    sampling.rpn_positive_fraction,
  ]);
  expect(drawn?.roi, `${name}: sampling of regions`).toEqual([
    sampling.roi_batch_size_per_image,
    sampling.roi_positive_fraction,
  ]);
}

/** The weights' file, and every stored tensor, are what the index says of them. */
export async function checkStored({ index, io, detector, weights }: LoadedCase): Promise<void> {
  const { trainable_parameters: trainable, frozen_parameters: frozen, buffers } = index.weights;
  expect([...weights.keys()].sort(), 'names of the weights').toEqual([...trainable, ...frozen, ...buffers].sort());
  expect(weights.size, 'weights.tensors').toBe(index.weights.tensors);
  expect(
    [...weights.values()].reduce((sum, { data }) => sum + data.length, 0),
    'weights.elements',
  ).toBe(index.weights.elements);
  const ours = (trains: boolean): number =>
    detector.variables.filter((v) => v.trainable === trains && !/moving_/.test(v.path)).length;
  expect(ours(true), 'parameters that train').toBe(trainable.length);
  expect([...io.all.keys()].sort(), 'stored tensors').toEqual(Object.keys(index.tensors.entries).sort());
  for (const [key, { shape }] of Object.entries(index.tensors.entries))
    expect(io.all.get(key)!.shape, key).toEqual(shape);
}

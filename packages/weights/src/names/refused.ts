import { KdError, type NamedTensors } from '@kd/core';
import type { Template } from './template.js';
import { foundBy } from './translate.js';

/** A model under names that a map knows in part, which nothing here computes: taken apart it would load by halves. */
interface Refused {
  readonly has: readonly Template[];
  /** What of its shapes tells it, where names do not. */
  readonly when?: (shape: (name: string) => readonly number[] | undefined) => boolean;
  readonly what: string;
  readonly instead: string;
}

const REFUSED: readonly Refused[] = [
  {
    has: ['backbone.layer{s}.{b}.depthwise_conv.conv', 'backbone.layer{s}.{b}.linear_conv.conv'],
    what: "a MobileNetV2 under mmdetection's names, for which there is no map",
    instead:
      "torchvision's mobilenet_v2 is the same network: start from it by `init`, or bring each name under torchvision's by `rename`",
  },
  {
    has: ['backbone.body.{i}.block.{j}.0', 'backbone.fpn.inner_blocks.1.0'],
    // Both maps of its pyramid have stride 32: those of the first block there, and of the widened last one.
    when: (shape) =>
      shape('backbone.fpn.inner_blocks.2.0.weight') === undefined &&
      shape('backbone.fpn.inner_blocks.0.0.weight')?.[1] === shape('backbone.body.13.block.3.0.weight')?.[0],
    what: "torchvision's Faster R-CNN on MobileNetV3, whose pyramid reads two maps of stride 32; detectors here read one a stride",
    instead:
      "its backbone comes in as the start of a student: init: ['<file>', { prefix: 'backbone.body.', rename: [['^', 'features.']] }]",
  },
];

/**
 * @param names names without what wrappers put before them → names in the file
 * @throws KdError CHECKPOINT_INVALID for a model that nothing here computes, with what to do instead
 */
export function refuseWhole(names: ReadonlyMap<string, string>, stateDict: NamedTensors, where: string): void {
  const list = [...names.keys()];
  const shape = (name: string): readonly number[] | undefined => stateDict.get(names.get(name) ?? '')?.shape;
  for (const { has, when, what, instead } of REFUSED) {
    const found = has.map((template) => foundBy(template, list));
    if (found.includes(undefined) || when?.(shape) === false) continue;
    throw new KdError('CHECKPOINT_INVALID', `${where} holds ${what} (${found[0]!}). Instead: ${instead}.`);
  }
}

import {
  type ConvBlock,
  convLayer,
  initialiseLayers,
  type Layer,
  runConvBlock,
  type RunContext,
  tidyWithUpdates,
} from '@kd/vision';
import type * as tf from '@tensorflow/tfjs-core';

export interface RpnHeadOptions {
  /** Channels of the levels, and of the head. */
  readonly channels: number;
  /** 3x3 convolutions. */
  readonly depth: number;
  /** Anchors a place. */
  readonly anchors: number;
  readonly seed: number;
}

export interface RpnHead {
  readonly layers: readonly Layer[];
  /** `cls`: objectness [b, h, w, a], `reg`: deltas [b, h, w, a·4] */
  run(level: tf.Tensor4D, context: RunContext): { readonly cls: tf.Tensor4D; readonly reg: tf.Tensor4D };
}

/** The head of a region proposal network (Ren et al., 2015), shared by all levels, under torchvision's names. */
export function buildRpnHead({ channels, depth, anchors, seed }: RpnHeadOptions): RpnHead {
  const block = (name: string, filters: number, kernel: number, relu: boolean): ConvBlock => {
    const conv = convLayer(name, { filters, kernel, bias: true });
    conv.build([null, null, null, channels]);
    return { conv, relu, pad: 0 };
  };
  const tower = Array.from({ length: depth }, (_, i) => block(`rpn.head.conv.${i}.0`, channels, 3, true));
  const cls = block('rpn.head.cls_logits', anchors, 1, false);
  const reg = block('rpn.head.bbox_pred', 4 * anchors, 1, false);
  const layers = [...tower, cls, reg].map(({ conv }) => conv);
  initialiseLayers(layers, seed, () => ({ kernel: { kind: 'normal', deviation: 0.01 } }));
  return {
    layers,
    run: (level, context) =>
      tidyWithUpdates(context, () => {
        const feature = tower.reduce((x, one) => runConvBlock(one, x, context), level);
        return { cls: runConvBlock(cls, feature, context), reg: runConvBlock(reg, feature, context) };
      }),
  };
}

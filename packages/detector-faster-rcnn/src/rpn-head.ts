import { KdError, type StagedHead } from '@kd/core';
import {
  applyConvBlock,
  blockRange,
  type ConvBlock,
  convLayer,
  initialiseLayers,
  type Layer,
  runConvBlock,
  type RunContext,
  tidyWithUpdates,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';

export interface RpnHeadOptions {
  /** Channels of the levels, and of the head. */
  readonly channels: number;
  /** 3x3 convolutions. */
  readonly depth: number;
  /** Anchors a place. */
  readonly anchors: number;
  /** How many levels it runs on, and what runs it outside of a step. */
  readonly levels: number;
  readonly runOp?: RunContext['runOp'];
  readonly seed: number;
}

export interface RpnHead {
  readonly layers: readonly Layer[];
  /** `cls`: objectness [b, h, w, a], `reg`: deltas [b, h, w, a·4] */
  run(level: tf.Tensor4D, context: RunContext): { readonly cls: tf.Tensor4D; readonly reg: tf.Tensor4D };
  /** The same as a graph of layers, for exports. */
  symbolic(level: SymbolicTensor): { readonly cls: SymbolicTensor; readonly reg: SymbolicTensor };
  /** The same with the one branch `rpn`: both maps come out of one tower. */
  readonly staged: StagedHead;
}

/** The head of a region proposal network (Ren et al., 2015), shared by all levels, under torchvision's names. */
export function buildRpnHead({ channels, depth, anchors, levels, runOp, seed }: RpnHeadOptions): RpnHead {
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
  const blocks = (x: tf.Tensor4D, from: number, to: number, context: RunContext): tf.Tensor4D =>
    tower.slice(from, to).reduce((last, one) => runConvBlock(one, last, context), x);
  const predict = (feature: tf.Tensor4D, context: RunContext) => ({
    cls: runConvBlock(cls, feature, context),
    reg: runConvBlock(reg, feature, context),
  });
  const check = (branch: string): void => {
    if (branch !== 'rpn')
      throw new KdError('USAGE', `region proposal network: there is no branch "${branch}"; there is rpn.`);
  };
  return {
    layers,
    run: (level, context) => tidyWithUpdates(context, () => predict(blocks(level, 0, depth, context), context)),
    symbolic(level) {
      const feature = tower.reduce(applyConvBlock, level);
      return { cls: applyConvBlock(feature, cls), reg: applyConvBlock(feature, reg) };
    },
    staged: {
      branches: ['rpn'],
      depth: (branch) => {
        check(branch);
        return depth;
      },
      run(branch, x, run) {
        check(branch);
        const { from, to, predicts } = blockRange('region proposal network', run, { depth, levels });
        // It has no norm, so that it trains and predicts alike.
        const context: RunContext = { training: false, updates: [], ...(runOp && { runOp }) };
        return tf.tidy((): Record<string, tf.Tensor4D> => {
          const feature = blocks(x, from, to, context);
          return predicts ? predict(feature, context) : { feature };
        });
      },
    },
  };
}

import type { ExportedBoxHead } from '@kd/core';
import {
  applied,
  applyConvBlock,
  type ConvBlock,
  convLayer,
  countedZeros,
  createNorm,
  initialiseLayers,
  type KernelInit,
  type Layer,
  type NormOptions,
  runConvBlock,
  type RunContext,
  tidyWithUpdates,
  weightOf,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { input, layers as stock } from '@tensorflow/tfjs-layers';

export interface BoxHeadOptions {
  readonly kind: 'two_mlp' | 'conv_fc';
  /** Channels of the pooled features. */
  readonly inChannels: number;
  /** Their side in bins. */
  readonly outputSize: number;
  /** Widths of the convolutions of `conv_fc`, and their norm. */
  readonly convLayers: readonly number[];
  readonly norm: NormOptions;
  /** Widths of the linear layers; two of `two_mlp`, at least one of `conv_fc`. */
  readonly fcLayers: readonly number[];
  /** Logits, the background among them. */
  readonly logits: number;
  /** Boxes a region, four deltas each: one a class with the background, or a single one. */
  readonly boxes: number;
  /** Module path before the names, default `roi_heads`. */
  readonly path?: string;
  readonly seed: number;
}

export interface BoxHead {
  readonly layers: readonly Layer[];
  /** Blocks between the pooled features and the predictions: convolutions, then linear layers. */
  readonly depth: number;
  /** @param pooled [n, s, s, c] @returns logits [n, k + 1], deltas [n, boxes·4] */
  run(pooled: tf.Tensor4D, context: RunContext): BoxPredictions;
  /** Blocks `from` up to, not including, `to`: [n, h, w, c], behind a linear layer [n, 1, 1, units]. */
  blocks(x: tf.Tensor4D, from: number, to: number, context: RunContext): tf.Tensor4D;
  /** What is said of a feature [n, 1, 1, units] behind all blocks. */
  predict(feature: tf.Tensor4D): BoxPredictions;
  /** The same as a graph of layers, for exports. */
  symbolic(): ExportedBoxHead;
}

export interface BoxPredictions {
  readonly logits: tf.Tensor2D;
  readonly deltas: tf.Tensor2D;
}

/**
 * What classifies pooled regions, under torchvision's names: `two_mlp` is `box_head.fc6` and `fc7`; `conv_fc` is
 * `box_head.0` … of convolution, norm and ReLU, and linear layers behind them. Then `box_predictor.cls_score` and
 * `box_predictor.bbox_pred`. Features are flattened as they lie, [s, s, c]; importing a torch checkpoint permutes the
 * kernel.
 */
export function buildBoxHead({
  kind,
  inChannels,
  outputSize,
  convLayers,
  norm,
  fcLayers,
  logits,
  boxes,
  path = 'roi_heads',
  seed,
}: BoxHeadOptions): BoxHead {
  const blocks = convLayers.map((channels, i): ConvBlock => {
    const name = `${path}.box_head.${i}`;
    const before = convLayers[i - 1] ?? inChannels;
    return {
      conv: built(convLayer(`${name}.0`, { filters: channels, kernel: 3 }), [null, null, null, before]),
      norm: built(createNorm(`${name}.1`, channels, norm), [null, null, null, channels]),
      relu: true,
      pad: 0,
    };
  });
  const flat = outputSize ** 2 * (convLayers.at(-1) ?? inChannels);
  // torchvision counts the flattening and each ReLU as a module.
  const nameOf = (i: number): string => (kind === 'two_mlp' ? `fc${6 + i}` : `${convLayers.length + 1 + 2 * i}`);
  const hidden = fcLayers.map((units, i) => linear(`${path}.box_head.${nameOf(i)}`, fcLayers[i - 1] ?? flat, units));
  const cls = linear(`${path}.box_predictor.cls_score`, fcLayers.at(-1)!, logits);
  const reg = linear(`${path}.box_predictor.bbox_pred`, fcLayers.at(-1)!, 4 * boxes);
  const layers = [...blocks.flatMap((block) => [block.conv, block.norm!]), ...hidden, cls, reg];
  const own = new Set(blocks.map(({ conv }) => conv.name));
  const start = (kernel: KernelInit['kind']) => ({
    kernel: { kind: kernel } as KernelInit,
    ...(kernel === 'uniform-fan-in' && { bias: 'uniform-fan-in' as const }),
  });
  initialiseLayers(layers, seed, (name) => start(own.has(name) ? 'kaiming-normal-fan-out' : 'uniform-fan-in'));

  const steps = [
    ...blocks.map((block) => (x: tf.Tensor4D, context: RunContext) => runConvBlock(block, x, context)),
    ...hidden.map(
      (layer) =>
        (x: tf.Tensor4D): tf.Tensor4D =>
          tf.expandDims(tf.expandDims(tf.relu(affine(layer, rows(x))), 1), 1),
    ),
  ];
  const run: BoxHead['blocks'] = (x, from, to, context) =>
    tidyWithUpdates(context, () => steps.slice(from, to).reduce((last, step) => step(last, context), x));
  const predict = (feature: tf.Tensor4D): BoxPredictions => {
    const vector = rows(feature);
    return { logits: affine(cls, vector), deltas: affine(reg, vector) };
  };
  return {
    layers,
    depth: steps.length,
    blocks: run,
    predict,
    symbolic() {
      const pooled = input({ shape: [outputSize, outputSize, inChannels], name: `${path}.pooled` });
      const flattened = applied(stock.flatten({ name: `${path}.flatten` }), blocks.reduce(applyConvBlock, pooled));
      const feature = hidden.reduce(
        (x, layer) => applied(stock.reLU({ name: `${layer.name}.relu` }), applied(layer, x)),
        flattened,
      );
      return { pooled, logits: applied(cls, feature), deltas: applied(reg, feature) };
    },
    run: (pooled, context) =>
      tidyWithUpdates(
        context,
        () => predict(run(pooled, 0, steps.length, context)) as BoxPredictions & tf.TensorContainerObject,
      ),
  };
}

/** [n, h, w, c] flattened as it lies: [n, h·w·c] */
const rows = (x: tf.Tensor4D): tf.Tensor2D => tf.reshape(x, [x.shape[0], x.shape[1] * x.shape[2] * x.shape[3]]);

function linear(name: string, width: number, units: number): Layer {
  return built(stock.dense({ name, units, kernelInitializer: countedZeros() }), [null, width]);
}

function built<L extends Layer>(layer: L, shape: (number | null)[]): L {
  layer.build(shape);
  return layer;
}

const affine = (layer: Layer, x: tf.Tensor2D): tf.Tensor2D =>
  tf.add(tf.matMul(x, weightOf(layer, 'kernel') as tf.Variable<tf.Rank.R2>), weightOf(layer, 'bias')!);

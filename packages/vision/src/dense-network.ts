import type { DetectorOutput, ForwardOptions, Predictions, TapInfo } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { buildDenseHead, type DenseHead, type DenseHeadOptions } from './dense-head.js';
import type { RunContext } from './layers/conv-block.js';
import type { Layer } from './layers/layer-weight.js';
import { buildPyramidNetwork, checkTaps, type PyramidNetworkOptions } from './pyramid-network.js';

export interface DenseNetworkOptions extends PyramidNetworkOptions {
  /** For messages. */
  readonly detector: string;
  readonly head: Omit<DenseHeadOptions, 'detector' | 'inChannels' | 'seed' | 'runOp'>;
  readonly runOp?: RunContext['runOp'];
}

/** Backbone, pyramid and dense head: what the one-stage detectors are made of. */
export interface DenseNetwork {
  readonly head: DenseHead;
  readonly taps: readonly TapInfo[];
  /** Backbone, neck and head, in this order. */
  readonly layers: readonly Layer[];
  /** Backbone and neck as a functional model. */
  readonly backbone: LayersModel;
  forward(images: tf.Tensor4D, options: ForwardOptions): DetectorOutput;
}

/** Layers under `backbone.body` and `backbone.fpn`; taps are the stages, `neck@p3`, … and the blocks of the towers. */
export function buildDenseNetwork({
  detector,
  head: headOptions,
  runOp,
  ...pyramidOptions
}: DenseNetworkOptions): DenseNetwork {
  const native = runOp ? { runOp } : {};
  const pyramid = buildPyramidNetwork(pyramidOptions);
  const { fpn, seed } = pyramidOptions;
  const head = buildDenseHead({ ...headOptions, detector, inChannels: fpn.channels, seed, ...native });
  const taps = pyramid.taps.concat(head.taps);

  return {
    head,
    taps,
    layers: [...pyramid.layers, ...head.layers],
    backbone: pyramid.backbone,
    forward(batch, { training, taps: wanted = [], lazy = false }) {
      checkTaps(detector, wanted, taps);
      const context: RunContext = { training, updates: [], ...native };
      const { levels, taps: tapped } = pyramid.run(batch, wanted, context);
      const wait = lazy && !training && wanted.every((name) => head.locate(name) === undefined);
      const predictions = wait ? lateHead(head, levels) : runStagedHead(head, levels, { wanted, tapped, training });
      return { taps: tapped, levels, predictions, updates: context.updates };
    },
  };
}

/** Predictions whose branches run when one of their maps is first read: all maps of the branch are values then. */
function lateHead(head: Pick<DenseHead, 'branches' | 'maps' | 'run'>, features: readonly tf.Tensor4D[]): Predictions {
  const predictions = {};
  for (const branch of head.branches) {
    for (const name of head.maps(branch)) {
      Object.defineProperty(predictions, name, {
        enumerable: true,
        configurable: true,
        get() {
          const maps = features.map((feature, level) => head.run(branch, feature, { level }));
          for (const one of head.maps(branch))
            Object.defineProperty(predictions, one, { enumerable: true, value: maps.map((map) => map[one]!) });
          return (predictions as Predictions)[name];
        },
      });
    }
  }
  return predictions;
}

/**
 * Runs the branches of a head on every level, stopping where a tap of a tower is wanted, so that what is tapped is what
 * the predictions come from.
 * @param features the levels, finest first, [b, h, w, c]
 * @param options.wanted names of taps; those that the head does not locate are others'
 * @param options.tapped receives them
 */
export function runStagedHead(
  head: Pick<DenseHead, 'branches' | 'locate' | 'run'>,
  features: readonly tf.Tensor4D[],
  {
    wanted,
    tapped,
    training,
  }: { readonly wanted: readonly string[]; readonly tapped: Record<string, tf.Tensor4D>; readonly training: boolean },
): DetectorOutput['predictions'] {
  const stops = wanted.flatMap((name) => {
    const place = head.locate(name);
    return place ? [{ name, ...place }] : [];
  });
  const predictions: Record<string, tf.Tensor4D[]> = {};
  for (const branch of head.branches) {
    features.forEach((feature, level) => {
      let x = feature;
      let from = 0;
      for (const stop of stops
        .filter((s) => s.branch === branch && s.level === level)
        .sort((a, b) => a.block - b.block)) {
        x = head.run(branch, x, { level, from, to: stop.block + 1 })['feature']!;
        from = stop.block + 1;
        tapped[stop.name] = x;
      }
      for (const [name, map] of Object.entries(head.run(branch, x, { level, from, training })))
        (predictions[name] ??= []).push(map);
    });
  }
  return predictions;
}

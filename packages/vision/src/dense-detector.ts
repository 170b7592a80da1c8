import type { DenseInfo, Detector, DetectorContext, InputSpec, Priors } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { denseDetections, type DenseDetectionOptions } from './dense-detections.js';
import type { DenseHeadOptions } from './dense-head.js';
import { buildDenseNetwork } from './dense-network.js';
import type { DenseShape } from './dense-options.js';
import { flattenLevels } from './flatten-levels.js';
import { layerVariables } from './layer-variables.js';

/** What the options of every one-stage detector come to. */
export interface DenseConfig extends DenseShape {
  readonly returnedLayers: readonly number[];
  readonly fpnChannels: number;
  readonly reluBeforeP7?: boolean;
  readonly input: Omit<InputSpec, 'minSize'> & { readonly minSize: number | readonly number[] };
  readonly post: Omit<DenseDetectionOptions, 'flavour' | 'classes'>;
}

/** What makes a one-stage detector this one. */
export interface DenseParts extends Pick<Detector, 'name' | 'decode' | 'assign' | 'terms'> {
  /** Besides `dense` and `head.staged`. */
  readonly capabilities?: readonly string[];
  readonly head: Omit<DenseHeadOptions, 'detector' | 'inChannels' | 'strides' | 'seed' | 'runOp'>;
  readonly dense: DenseInfo;
  /** Priors of levels of [height, width] each; their boxes are kept for the next batch of this size. */
  readonly priors: (levels: readonly (readonly [number, number])[], paddedSize: readonly [number, number]) => Priors;
  /** Whose order of threshold, choice and NMS detections follow. */
  readonly flavour: DenseDetectionOptions['flavour'];
}

export interface DenseDetector<Config extends object = DenseConfig> extends Detector {
  readonly config: Config;
  /** Backbone and neck as a functional model: images to levels. */
  readonly backbone: LayersModel;
}

/**
 * A detector of backbone, pyramid and one dense head. Predictions are named `cls`, `reg` and, where there is one,
 * `centerness`.
 */
export function createDenseDetector<Config extends DenseConfig>(
  config: Config,
  context: DetectorContext,
  parts: DenseParts,
): DenseDetector<Config> {
  const { name, dense, decode } = parts;
  const network = buildDenseNetwork({
    detector: name,
    backbone: config.backbone,
    norm: { kind: config.norm, epsilon: config.frozenBnEps },
    trainableLayers: config.trainableLayers,
    returnedLayers: config.returnedLayers,
    fpn: {
      channels: config.fpnChannels,
      extra: config.extra,
      ...(config.reluBeforeP7 !== undefined && { reluBeforeP7: config.reluBeforeP7 }),
    },
    head: { ...parts.head, strides: config.strides },
    seed: context.seed,
    ...(context.runOp && { runOp: context.runOp }),
  });
  const variables = layerVariables(network.layers);
  const grids = new Map<string, Priors>();
  const priors: Detector['priors'] = (output, paddedSize) => {
    const levels = output.levels.map(({ shape }) => [shape[1], shape[2]] as const);
    const key = JSON.stringify([levels, paddedSize]);
    let grid = grids.get(key);
    if (!grid) {
      grid = parts.priors(levels, paddedSize);
      tf.keep(grid.boxes);
      grids.set(key, grid);
    }
    return grid;
  };

  return {
    name,
    config,
    backbone: network.backbone,
    capabilities: new Set(['dense', 'head.staged', ...(parts.capabilities ?? [])]),
    categories: context.categories,
    input: { ...config.input, minSize: [config.input.minSize].flat() },
    taps: network.taps,
    variables,
    head: network.head,
    dense,
    forward: (images, options) => network.forward(images, options),
    priors,
    decode,
    assign: parts.assign,
    terms: parts.terms,
    async detect(output, sizes) {
      const { cls, reg, centerness } = output.predictions;
      const boxes = tf.tidy(() =>
        decode(flattenLevels(reg!, 4 * (dense.bins ?? 1)), priors(output, [sizes.shape[1], sizes.shape[2]])),
      ); // [b, a, 4]
      try {
        return await denseDetections({ cls: cls!, boxes, ...(centerness && { quality: centerness }) }, sizes, {
          flavour: parts.flavour,
          classes: context.categories.length,
          ...config.post,
        });
      } finally {
        boxes.dispose();
      }
    },
    dispose() {
      for (const { variable } of variables) variable.dispose();
      for (const { boxes } of grids.values()) boxes.dispose();
      grids.clear();
    },
  };
}

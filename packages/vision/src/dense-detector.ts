import {
  type BoxCode,
  type DenseInfo,
  detectInParts,
  type Detector,
  type DetectorContext,
  type ExportedNetwork,
  type InputSpec,
  type PriorGrid,
  type Priors,
} from '@kd/core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { priorLayer } from './anchors.js';
import { decoderOf } from './boxes/decoder.js';
import { denseDetections, type DenseDetectionOptions, type DenseMaps } from './dense-detections.js';
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
export interface DenseParts extends Pick<Detector, 'name' | 'assign' | 'terms'> {
  /** Besides `dense` and `head.staged`. */
  readonly capabilities?: readonly string[];
  readonly head: Omit<DenseHeadOptions, 'detector' | 'inChannels' | 'strides' | 'seed' | 'runOp'>;
  readonly dense: DenseInfo;
  /**
   * Where priors lie: `anchorCells`, `centreCells`; or a function of levels of [height, width] each for what that does
   * not describe.
   */
  readonly priors:
    | PriorGrid
    | ((levels: readonly (readonly [number, number])[], paddedSize: readonly [number, number]) => Priors);
  /**
   * How codes become boxes, or a function for what that does not describe. With a function, here or for the priors,
   * other programs get the maps alone of an exported detector.
   */
  readonly decode: BoxCode | Detector['decode'];
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
  const { name, dense, flavour } = parts;
  const decode = typeof parts.decode === 'function' ? parts.decode : decoderOf(parts.decode);
  const classes = context.categories.length;
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
  const lay = typeof parts.priors === 'function' ? parts.priors : priorLayer(parts.priors);
  const priors: Detector['priors'] = (output, paddedSize) =>
    lay(
      output.levels.map(({ shape }) => [shape[1], shape[2]] as const),
      paddedSize,
    );

  const detecting = detectInParts({
    compute: (output, { paddedSize }): DenseMaps => {
      const { cls, reg, centerness } = output.predictions;
      return {
        boxes: decode(flattenLevels(reg!, 4 * (dense.bins ?? 1)), priors(output, paddedSize)), // [b, a, 4]
        cls: cls!,
        ...(centerness && { quality: centerness }),
      };
    },
    select: (tensors, sizes) => denseDetections(tensors, sizes, { flavour, classes, ...config.post }),
  });

  let exported: ExportedNetwork | undefined;
  const exportedNetwork = (): ExportedNetwork => {
    const maps = network.head.symbolic(network.backbone.outputs);
    return {
      images: network.backbone.inputs[0]!,
      strides: config.strides,
      maps,
      detections:
        typeof parts.priors === 'function' || typeof parts.decode === 'function'
          ? null
          : {
              kind: 'dense',
              maps: { cls: 'cls', reg: 'reg', ...(maps['centerness'] && { quality: 'centerness' }) },
              classes,
              priorsPerCell: dense.priorsPerCell,
              priors: parts.priors,
              boxes: parts.decode,
              flavour,
              ...config.post,
            },
    };
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
    ...detecting,
    exported: () => (exported ??= exportedNetwork()),
    dispose() {
      for (const { variable } of variables) variable.dispose();
    },
  };
}

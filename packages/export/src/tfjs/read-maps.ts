import { type Detector, type ExportedModel, KdError } from '@kd/core';
import { type ExportOptions, exportedModel } from '../exported-model.js';
import { type InputRule, inputRule } from '../input-rule.js';
import { mapName } from '../map-name.js';
import type { NetworkGraph } from '../network/graph.js';
import { readNetwork } from '../network/read-network.js';
import type { TfjsStorage } from './shards.js';
import type { Size } from './window.js';

export interface TfjsOptions extends Omit<ExportOptions, 'outputs' | 'layout' | 'dtype'> {
  readonly weights?: TfjsStorage;
}

export interface TfjsExport {
  /** model.json and the shards of its weights. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What it says of itself, under `userDefinedMetadata.kd`. */
  readonly model: ExportedModel;
}

/** How images of one size become what the network reads. */
export interface MapsInput extends InputRule {
  readonly size: Size;
}

/**
 * What both kinds of models of TensorFlow.js are written from: a network of one size up to the maps of a dense head.
 * @throws KdError USAGE
 */
export function readMaps(
  detector: Detector,
  options: Omit<TfjsOptions, 'weights'>,
): {
  readonly graph: NetworkGraph;
  readonly input: MapsInput;
  /** Of the graph's outputs: `cls@p3`, … */
  readonly names: readonly string[];
  readonly model: ExportedModel;
} {
  const { network, model } = exportedModel(detector, { ...options, outputs: 'maps' });
  const { size } = model.input;
  if (size === null)
    throw new KdError(
      'USAGE',
      'models of TensorFlow.js have one size: give it by --size, such as 320x448, or export to ONNX.',
    );
  if (network.regions !== undefined)
    throw new KdError(
      'USAGE',
      `${detector.name} has two stages, and models of TensorFlow.js here end at the maps of one: export it to ONNX.`,
    );
  return {
    graph: readNetwork(network.images, Object.values(network.maps).flat()),
    input: { size, ...inputRule(model.input) },
    names: Object.keys(network.maps).flatMap((name) => network.strides.map((stride) => mapName(name, stride))),
    model,
  };
}

import { type Detector, type ExportedModel, KdError } from '@kd/core';
import { type ExportOptions, exportedModel } from '../exported-model.js';
import { type InputRule, inputRule } from '../input-rule.js';
import { mapName } from '../map-name.js';
import type { NetworkGraph } from '../network/graph.js';
import { readNetwork } from '../network/read-network.js';
import { readSecondStage } from '../network/second-stage.js';
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

/** A box head of a second stage, which the same model holds as a part with an input of its own. */
export interface HeadPart {
  readonly graph: NetworkGraph;
  /** [height, width, channels] of a pooled region */
  readonly pooled: readonly [number, number, number];
  /** `pooled@s0` */
  readonly input: string;
  /** `logits@s0`, `deltas@s0` */
  readonly outputs: readonly [string, string];
}

/**
 * What both kinds of models of TensorFlow.js are written from: a network of one size up to the maps of a dense head; of
 * two stages also the levels that regions are pooled from, and the box heads.
 * @throws KdError USAGE
 */
export function readMaps(
  detector: Detector,
  options: Omit<TfjsOptions, 'weights'>,
): {
  readonly graph: NetworkGraph;
  readonly input: MapsInput;
  /** Of the graph's outputs: `cls@p3`, …, and `neck@p3`, … of two stages */
  readonly names: readonly string[];
  readonly heads: readonly HeadPart[];
  readonly model: ExportedModel;
} {
  const { network, model } = exportedModel(detector, { ...options, outputs: 'maps' });
  const { size } = model.input;
  if (size === null)
    throw new KdError(
      'USAGE',
      'models of TensorFlow.js have one size: give it by --size, such as 320x448, or export to ONNX.',
    );
  const second = readSecondStage(network, model);
  const levels = second?.levels ?? [];
  const side = second?.detections.pooling.outputSize ?? 0;
  return {
    graph: readNetwork(network.images, [...Object.values(network.maps).flat(), ...levels]),
    input: { size, ...inputRule(model.input) },
    names: [
      ...Object.keys(network.maps).flatMap((name) => network.strides.map((stride) => mapName(name, stride))),
      ...levels.map((_, i) => mapName('neck', network.strides[i]!)),
    ],
    heads: (second?.heads ?? []).map((graph, i) => ({
      graph,
      pooled: [side, side, graph.input.channels],
      input: `pooled@s${i}`,
      outputs: [`logits@s${i}`, `deltas@s${i}`],
    })),
    model,
  };
}

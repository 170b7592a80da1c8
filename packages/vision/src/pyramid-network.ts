import { type BackboneDefinition, type BackboneStage, KdError, suggestion, type TapInfo, type Use } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, model } from '@tensorflow/tfjs-layers';
import { buildBackbone } from './build-backbone.js';
import { buildFpn, type FpnOptions } from './fpn.js';
import { compileGraph, type Graph } from './graph.js';
import { initialiseLayers } from './initializers.js';
import type { RunContext } from './layers/conv-block.js';
import type { Layer } from './layers/layer-weight.js';
import type { NormKind } from './layers/norm.js';
import { networkBuilder } from './network-builder.js';

export interface PyramidNetworkOptions {
  readonly backbone: Use<BackboneDefinition>;
  readonly norm: { readonly kind: NormKind; readonly epsilon: number };
  /** How many parts of the backbone train. */
  readonly trainableLayers: number;
  /** Stages that the pyramid reads: k is the one of stride 2^(k + 1). */
  readonly returnedLayers: readonly number[];
  readonly fpn: Omit<FpnOptions, 'path'>;
  readonly seed: number;
}

/** Backbone and feature pyramid: what every detector here starts with. */
export interface PyramidNetwork {
  /** The stages and `neck@p3`, … */
  readonly taps: readonly TapInfo[];
  /** Backbone and neck, in this order. */
  readonly layers: readonly Layer[];
  /** Images to levels as a functional model. */
  readonly backbone: LayersModel;
  /** The levels, finest first, and those of the `wanted` taps that are its own. */
  run(
    images: tf.Tensor4D,
    wanted: readonly string[],
    context: RunContext,
  ): { readonly levels: tf.Tensor4D[]; readonly taps: Record<string, tf.Tensor4D> };
}

/** Layers under `backbone.body` and `backbone.fpn`. */
export function buildPyramidNetwork({
  backbone,
  norm,
  trainableLayers,
  returnedLayers,
  fpn,
  seed,
}: PyramidNetworkOptions): PyramidNetwork {
  const { images, stages, read, layers } = buildBackbone(backbone, {
    path: 'backbone.body',
    norm,
    trainableLayers,
    strides: returnedLayers.map((k) => 2 ** (k + 1)),
    seed,
  });
  const builder = networkBuilder();
  const levels = buildFpn(builder, read, { ...fpn, path: 'backbone.fpn' });
  initialiseLayers(builder.layers, seed, () => ({ kernel: { kind: 'kaiming-uniform' } }));
  const tapped = [
    ...stages.map((stage) => ({ stage, tap: tapOf(stage.name, stage) })),
    ...levels.map((level) => ({ stage: level, tap: tapOf(`neck@${level.name}`, level) })),
  ];
  const symbolic = new Map(tapped.map(({ stage, tap }) => [tap.name, stage.output]));
  const graphs = new Map<string, Graph>();

  return {
    taps: tapped.map(({ tap }) => tap),
    layers: [...layers, ...builder.layers],
    backbone: model({ inputs: images, outputs: levels.map((level) => level.output), name: 'backbone' }),
    run(batch, wanted, context) {
      const own = wanted.filter((name) => symbolic.has(name));
      const key = own.join();
      const graph =
        graphs.get(key) ??
        compileGraph([images], [...levels.map((level) => level.output), ...own.map((name) => symbolic.get(name)!)]);
      graphs.set(key, graph);
      const values = graph.run([batch], context) as tf.Tensor4D[];
      return {
        levels: values.slice(0, levels.length),
        taps: Object.fromEntries(own.map((name, i) => [name, values[levels.length + i]!])),
      };
    },
  };
}

const tapOf = (name: string, { stride, channels }: BackboneStage): TapInfo => ({ name, stride, channels });

/** @throws KdError TAP_UNKNOWN for a wanted tap that is not there */
export function checkTaps(detector: string, wanted: readonly string[], taps: readonly TapInfo[]): void {
  const names = taps.map(({ name }) => name);
  for (const name of wanted) {
    if (names.includes(name)) continue;
    throw new KdError(
      'TAP_UNKNOWN',
      `${detector} has no tap "${name}"; ${[suggestion(name, names), `there are ${names.join(', ')}`].filter(Boolean).join(' ')}.`,
    );
  }
}

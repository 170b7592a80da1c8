import { KdError, suggestion, type TapInfo } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import { input, type LayersModel, model } from '@tensorflow/tfjs-layers';
import { buildFpn, type FpnOptions } from './fpn.js';
import { compileGraph, type Graph } from './graph.js';
import { initialiseLayers } from './initializers.js';
import type { RunContext } from './layers/conv-block.js';
import type { Layer } from './layers/layer-weight.js';
import { networkBuilder } from './network-builder.js';
import { buildResnet, type ResnetOptions, type Stage } from './resnet.js';

export interface PyramidNetworkOptions {
  readonly backbone: Omit<ResnetOptions, 'path'>;
  /** Stages that the pyramid reads, 1 to 4. */
  readonly returnedLayers: readonly number[];
  readonly fpn: Omit<FpnOptions, 'path'>;
  readonly seed: number;
}

/** ResNet and feature pyramid: what every detector here starts with. */
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
export function buildPyramidNetwork({ backbone, returnedLayers, fpn, seed }: PyramidNetworkOptions): PyramidNetwork {
  const builder = networkBuilder();
  const images = input({ shape: [null, null, 3], name: 'images' });
  const stages = buildResnet(builder, images, {
    ...backbone,
    layers: backbone.layers.slice(0, returnedLayers.at(-1)!),
    path: 'backbone.body',
  });
  const levels = buildFpn(
    builder,
    returnedLayers.map((k) => stages[k - 1]!),
    { ...fpn, path: 'backbone.fpn' },
  );
  initialiseLayers(builder.layers, seed, (name) => ({
    kernel: { kind: name.startsWith('backbone.fpn.') ? 'kaiming-uniform' : 'kaiming-normal-fan-out' },
  }));
  const tapped = [
    ...stages.map((stage) => ({ stage, tap: tapOf(stage.name, stage) })),
    ...levels.map((level) => ({ stage: level, tap: tapOf(`neck@${level.name}`, level) })),
  ];
  const symbolic = new Map(tapped.map(({ stage, tap }) => [tap.name, stage.output]));
  const graphs = new Map<string, Graph>();

  return {
    taps: tapped.map(({ tap }) => tap),
    layers: builder.layers,
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

const tapOf = (name: string, { stride, channels }: Stage): TapInfo => ({ name, stride, channels });

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

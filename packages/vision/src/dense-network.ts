import { type DetectorOutput, type ForwardOptions, KdError, suggestion, type TapInfo } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import { input, type LayersModel, model } from '@tensorflow/tfjs-layers';
import { buildDenseHead, type DenseHead, type DenseHeadOptions } from './dense-head.js';
import { buildFpn, type FpnOptions } from './fpn.js';
import { compileGraph, type Graph } from './graph.js';
import { initialiseLayers } from './initializers.js';
import type { RunContext } from './layers/conv-block.js';
import type { Layer } from './layers/layer-weight.js';
import { networkBuilder } from './network-builder.js';
import { buildResnet, type ResnetOptions, type Stage } from './resnet.js';

export interface DenseNetworkOptions {
  /** For messages. */
  readonly detector: string;
  readonly backbone: Omit<ResnetOptions, 'path'>;
  /** Stages that the pyramid reads, 1 to 4. */
  readonly returnedLayers: readonly number[];
  readonly fpn: Omit<FpnOptions, 'path'>;
  readonly head: Omit<DenseHeadOptions, 'detector' | 'inChannels' | 'seed' | 'runOp'>;
  readonly seed: number;
  readonly runOp?: RunContext['runOp'];
}

/** ResNet, pyramid and dense head: what the one-stage detectors are made of. */
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
export function buildDenseNetwork({ detector, backbone, returnedLayers, fpn, head: headOptions, seed, runOp }: DenseNetworkOptions): DenseNetwork {
  const native = runOp ? { runOp } : {};
  const builder = networkBuilder();
  const images = input({ shape: [null, null, 3], name: 'images' });
  const stages = buildResnet(builder, images, { ...backbone, layers: backbone.layers.slice(0, returnedLayers.at(-1)!), path: 'backbone.body' });
  const levels = buildFpn(builder, returnedLayers.map((k) => stages[k - 1]!), { ...fpn, path: 'backbone.fpn' });
  initialiseLayers(builder.layers, seed, (name) => ({ kernel: { kind: name.startsWith('backbone.fpn.') ? 'kaiming-uniform' : 'kaiming-normal-fan-out' } }));
  const head = buildDenseHead({ ...headOptions, detector, inChannels: fpn.channels, seed, ...native });
  const bodyTaps = stages.map((stage) => ({ stage, tap: tapOf(stage.name, stage) }));
  const neckTaps = levels.map((level) => ({ stage: level, tap: tapOf(`neck@${level.name}`, level) }));
  const symbolic = new Map([...bodyTaps, ...neckTaps].map(({ stage, tap }) => [tap.name, stage.output]));
  const taps = [...bodyTaps, ...neckTaps].map(({ tap }) => tap).concat(head.taps);
  const graphs = new Map<string, Graph>();

  return {
    head,
    taps,
    layers: [...builder.layers, ...head.layers],
    backbone: model({ inputs: images, outputs: levels.map((level) => level.output), name: 'backbone' }),
    forward(batch, { training, taps: wanted = [] }) {
      checkTaps(detector, wanted, taps);
      const fromGraph = wanted.filter((name) => symbolic.has(name));
      const key = fromGraph.join();
      const graph = graphs.get(key) ?? compileGraph([images], [...levels.map((level) => level.output), ...fromGraph.map((name) => symbolic.get(name)!)]);
      graphs.set(key, graph);
      const context: RunContext = { training, updates: [], ...native };
      const values = graph.run([batch], context) as tf.Tensor4D[];
      const features = values.slice(0, levels.length);
      const tapped: Record<string, tf.Tensor4D> = Object.fromEntries(fromGraph.map((name, i) => [name, values[levels.length + i]!]));
      const predictions = runHead(head, features, { wanted, tapped, training });
      return { taps: tapped, levels: features, predictions, updates: context.updates };
    },
  };
}

/** Runs the branches on every level, stopping where a tap is wanted. */
function runHead(
  head: DenseHead,
  features: readonly tf.Tensor4D[],
  { wanted, tapped, training }: { readonly wanted: readonly string[]; readonly tapped: Record<string, tf.Tensor4D>; readonly training: boolean },
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
      for (const stop of stops.filter((s) => s.branch === branch && s.level === level).sort((a, b) => a.block - b.block)) {
        x = head.run(branch, x, { level, from, to: stop.block + 1 })['feature']!;
        from = stop.block + 1;
        tapped[stop.name] = x;
      }
      for (const [name, map] of Object.entries(head.run(branch, x, { level, from, training }))) (predictions[name] ??= []).push(map);
    });
  }
  return predictions;
}

const tapOf = (name: string, { stride, channels }: Stage): TapInfo => ({ name, stride, channels });

function checkTaps(detector: string, wanted: readonly string[], taps: readonly TapInfo[]): void {
  const names = taps.map(({ name }) => name);
  for (const name of wanted) {
    if (names.includes(name)) continue;
    throw new KdError('TAP_UNKNOWN', `${detector} has no tap "${name}"; ${[suggestion(name, names), `there are ${names.join(', ')}`].filter(Boolean).join(' ')}.`);
  }
}

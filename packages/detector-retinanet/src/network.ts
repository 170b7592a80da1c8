import type { DetectorOutput, ForwardOptions, TapInfo } from '@kd/core';
import { KdError, suggestion } from '@kd/core';
import { buildFpn, buildResnet, compileGraph, type Graph, initialiseLayers, type Layer, networkBuilder, type RunContext, type Stage } from '@kd/vision';
import type * as tf from '@tensorflow/tfjs-core';
import { input, type LayersModel, model } from '@tensorflow/tfjs-layers';
import { buildRetinaHead, type RetinaHead } from './head.js';
import type { RetinaNetConfig } from './options.js';

export interface Network {
  readonly head: RetinaHead;
  readonly taps: readonly TapInfo[];
  /** Backbone, neck and head, in this order. */
  readonly layers: readonly Layer[];
  /** Backbone and neck as a functional model. */
  readonly backbone: LayersModel;
  forward(images: tf.Tensor4D, options: ForwardOptions): DetectorOutput;
}

export interface NetworkContext {
  readonly classes: number;
  readonly seed: number;
  readonly runOp?: RunContext['runOp'];
}

export function buildNetwork(config: RetinaNetConfig, { classes, seed, runOp }: NetworkContext): Network {
  const native = runOp ? { runOp } : {};
  const builder = networkBuilder();
  const images = input({ shape: [null, null, 3], name: 'images' });
  const last = config.returnedLayers.at(-1)!;
  const stages = buildResnet(builder, images, {
    ...config.backbone,
    layers: config.backbone.layers.slice(0, last),
    norm: { kind: config.norm, epsilon: config.frozenBnEps },
    trainableLayers: config.trainableLayers,
    path: 'backbone.body',
  });
  const returned = config.returnedLayers.map((k) => stages[k - 1]!);
  const levels = buildFpn(builder, returned, { channels: config.fpnChannels, extra: config.extra, path: 'backbone.fpn' });
  initialiseLayers(builder.layers, seed, (name) => ({ kernel: { kind: name.startsWith('backbone.fpn.') ? 'kaiming-uniform' : 'kaiming-normal-fan-out' } }));
  const head = buildRetinaHead({
    ...config.head,
    inChannels: config.fpnChannels,
    anchors: config.anchors.sizes[0]!.length * config.anchors.ratios[0]!.length,
    classes,
    strides: config.strides,
    seed,
    ...native,
  });
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
      checkTaps(wanted, taps);
      const fromGraph = wanted.filter((name) => symbolic.has(name));
      const key = fromGraph.join();
      const graph = graphs.get(key) ?? compileGraph([images], [...levels.map((level) => level.output), ...fromGraph.map((name) => symbolic.get(name)!)]);
      graphs.set(key, graph);
      const context: RunContext = { training, updates: [], ...native };
      const values = graph.run([batch], context) as tf.Tensor4D[];
      const features = values.slice(0, levels.length);
      const tapped: Record<string, tf.Tensor4D> = Object.fromEntries(fromGraph.map((name, i) => [name, values[levels.length + i]!]));
      const predictions = runHead(head, features, wanted, tapped);
      return { taps: tapped, levels: features, predictions, updates: context.updates };
    },
  };
}

/** Runs both branches on every level, stopping where a tap is wanted. */
function runHead(head: RetinaHead, features: readonly tf.Tensor4D[], wanted: readonly string[], tapped: Record<string, tf.Tensor4D>): DetectorOutput['predictions'] {
  const stops = wanted.flatMap((name) => {
    const place = head.locate(name);
    return place ? [{ name, ...place }] : [];
  });
  const predictions: Record<string, tf.Tensor4D[]> = {};
  for (const branch of head.branches) {
    predictions[branch] = features.map((feature, level) => {
      let x = feature;
      let from = 0;
      for (const stop of stops.filter((s) => s.branch === branch && s.level === level).sort((a, b) => a.block - b.block)) {
        x = head.run(branch, x, { level, from, to: stop.block + 1 })['feature']!;
        from = stop.block + 1;
        tapped[stop.name] = x;
      }
      return head.run(branch, x, { level, from })[branch]!;
    });
  }
  return predictions;
}

const tapOf = (name: string, { stride, channels }: Stage): TapInfo => ({ name, stride, channels });

function checkTaps(wanted: readonly string[], taps: readonly TapInfo[]): void {
  const names = taps.map(({ name }) => name);
  for (const name of wanted) {
    if (names.includes(name)) continue;
    throw new KdError('TAP_UNKNOWN', `retinanet has no tap "${name}"; ${[suggestion(name, names), `there are ${names.join(', ')}`].filter(Boolean).join(' ')}.`);
  }
}

import { KdError, type StagedHead, type TapInfo } from '@kd/core';
import { type ConvBlock, convLayer, createNorm, initialiseLayers, type Layer, runConvBlock, type RunContext } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

export interface HeadOptions {
  /** Channels of the levels. */
  readonly inChannels: number;
  /** Blocks of each tower. */
  readonly depth: number;
  /** Width of the towers. */
  readonly channels: number;
  readonly norm: 'none' | 'group';
  /** Groups of the norm. */
  readonly groups: number;
  /** Anchors a place. */
  readonly anchors: number;
  readonly classes: number;
  /** Strides of the levels, finest first. */
  readonly strides: readonly number[];
  readonly seed: number;
  readonly runOp?: RunContext['runOp'];
}

export interface RetinaHead extends StagedHead {
  readonly layers: readonly Layer[];
  /** Outputs of the tower blocks, `head.classification_head.conv.3.0@p4`. */
  readonly taps: readonly TapInfo[];
  /** The place of a tap in the towers, or undefined. */
  locate(tap: string): { readonly branch: string; readonly level: number; readonly block: number } | undefined;
}

const BRANCHES = {
  cls: { path: 'head.classification_head', last: 'cls_logits' },
  reg: { path: 'head.regression_head', last: 'bbox_reg' },
} as const;
type Branch = keyof typeof BRANCHES;

/** Probability that an anchor holds an object, at the start (Lin et al., 2017, section 4.1). */
const PRIOR_PROBABILITY = 0.01;

/** RetinaNet's two towers of 3x3 convolutions and their prediction layers, shared by all levels. Needs neither backbone nor neck. */
export function buildRetinaHead(options: HeadOptions): RetinaHead {
  const towers = { cls: tower('cls', options.anchors * options.classes, options), reg: tower('reg', options.anchors * 4, options) };
  const layers = Object.values(towers).flatMap((blocks) => blocks.flatMap(({ conv, norm }) => (norm ? [conv, norm] : [conv])));
  initialiseLayers(layers, options.seed, (name) => ({
    kernel: { kind: 'normal', deviation: 0.01 },
    bias: name.endsWith('.cls_logits') ? -Math.log((1 - PRIOR_PROBABILITY) / PRIOR_PROBABILITY) : 0,
  }));
  const located = new Map<string, { tap: TapInfo; branch: string; level: number; block: number }>();
  options.strides.forEach((stride, level) => {
    for (const branch of Object.keys(BRANCHES) as Branch[]) {
      for (let block = 0; block < options.depth; block++) {
        const name = `${BRANCHES[branch].path}.conv.${block}.0@p${Math.log2(stride)}`;
        located.set(name, { tap: { name, stride, channels: options.channels }, branch, level, block });
      }
    }
  });
  // The head runs no live batch norm, so it trains and predicts alike.
  const context: RunContext = { training: false, updates: [], ...(options.runOp && { runOp: options.runOp }) };

  return {
    layers,
    taps: [...located.values()].map(({ tap }) => tap),
    locate: (tap) => located.get(tap),
    branches: Object.keys(BRANCHES),
    depth: (branch) => blocksOf(towers, branch).length - 1,
    run(branch, x, { level, from = 0, to }) {
      const blocks = blocksOf(towers, branch);
      const end = to ?? blocks.length;
      if (!Number.isInteger(from) || !Number.isInteger(end) || from < 0 || end < from || end > blocks.length) {
        throw new KdError('USAGE', `retinanet head, branch ${branch}: cannot run blocks ${from} to ${end}; the tower has ${blocks.length - 1} blocks and \`to: ${blocks.length}\` includes the predictions.`);
      }
      if (level < 0 || level >= options.strides.length) {
        throw new KdError('USAGE', `retinanet head: there is no level ${level}; there are ${options.strides.length}, the finest is 0.`);
      }
      const key = end === blocks.length ? branch : 'feature';
      return tf.tidy(() => ({ [key]: blocks.slice(from, end).reduce<tf.Tensor4D>((feature, block) => runConvBlock(block, feature, context), x) }));
    },
  };
}

function blocksOf(towers: Readonly<Record<Branch, readonly ConvBlock[]>>, branch: string): readonly ConvBlock[] {
  if (branch in towers) return towers[branch as Branch];
  throw new KdError('USAGE', `retinanet head: there is no branch "${branch}"; there are ${Object.keys(towers).join(', ')}.`);
}

function tower(branch: Branch, outputs: number, { inChannels, depth, channels, norm, groups }: HeadOptions): ConvBlock[] {
  const { path, last } = BRANCHES[branch];
  const built = (layer: Layer, input: number): Layer => {
    layer.build([null, null, null, input]);
    return layer;
  };
  const blocks: ConvBlock[] = Array.from({ length: depth }, (_, i) => ({
    conv: built(convLayer(`${path}.conv.${i}.0`, { filters: channels, kernel: 3, bias: norm === 'none' }), i === 0 ? inChannels : channels),
    ...(norm === 'group' && { norm: built(createNorm(`${path}.conv.${i}.1`, channels, { kind: 'group', groups }), channels) }),
    relu: true,
    pad: 0,
  }));
  const prediction = convLayer(`${path}.${last}`, { filters: outputs, kernel: 3, bias: true });
  return [...blocks, { conv: built(prediction, depth === 0 ? inChannels : channels), relu: false, pad: 0 }];
}

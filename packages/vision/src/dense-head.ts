import { KdError, type StagedHead, type TapInfo, type TapPlace } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { blockRange } from './block-range.js';
import { initialiseLayers } from './initializers.js';
import { applyConvBlock, applied, type ConvBlock, runConvBlock, type RunContext } from './layers/conv-block.js';
import { activation, Times } from './layers/activation.js';
import type { Layer } from './layers/layer-weight.js';
import { LevelScale } from './layers/level-scale.js';
import { createNorm } from './layers/norm.js';
import { convLayer } from './network-builder.js';

/** A prediction map of a branch. */
export interface DenseOutput {
  /** Full name of its convolution, e.g. `head.regression_head.bbox_reg`. */
  readonly layer: string;
  readonly channels: number;
  /** Initial bias; 0 unless given. */
  readonly bias?: number;
  /** Multiplies the map by a trained scalar of its level, whose layers are `<scales>.<level>`. */
  readonly scales?: string;
  /** What follows convolution and scale. */
  readonly activate?: 'relu' | 'exp';
  /** Whether inference, not training, multiplies the map by the stride of its level. */
  readonly timesStride?: boolean;
}

/** A tower and the maps that its last block predicts, by name. */
export interface DenseBranch {
  /** Full names of a block's layers; its tap is `<tap>@p3`. */
  readonly block: (index: number) => { readonly conv: string; readonly norm: string; readonly tap: string };
  readonly outputs: Readonly<Record<string, DenseOutput>>;
}

export interface DenseHeadOptions {
  /** For messages. */
  readonly detector: string;
  readonly branches: Readonly<Record<string, DenseBranch>>;
  /** Channels of the levels. */
  readonly inChannels: number;
  /** Blocks of each tower. */
  readonly depth: number;
  /** Width of the towers. */
  readonly channels: number;
  readonly norm: 'none' | 'group';
  /** Groups of the norm. */
  readonly groups: number;
  /** Whether the convolutions of the towers have a bias; by default where there is no norm. */
  readonly convBias?: boolean;
  /** Strides of the levels, finest first. */
  readonly strides: readonly number[];
  readonly seed: number;
  readonly runOp?: RunContext['runOp'];
}

export interface DenseHead extends StagedHead {
  readonly layers: readonly Layer[];
  /** Outputs of the tower blocks, `head.classification_head.conv.3.0@p4`. */
  readonly taps: readonly TapInfo[];
  locate(tap: string): TapPlace | undefined;
  /** Names of the maps that a branch predicts. */
  maps(branch: string): readonly string[];
  /** Block `block` of a tower on its input `x` [b, h, w, c], without the ReLU at its end. */
  preActivation(branch: string, x: tf.Tensor4D, block: number): tf.Tensor4D;
  /** The maps that inference reads by name, a tensor a level, as graphs of layers. @param levels finest first */
  symbolic(levels: readonly SymbolicTensor[]): Readonly<Record<string, readonly SymbolicTensor[]>>;
  /** As the contract says; `training` (default false) is for maps that training and inference read differently. */
  run(
    branch: string,
    x: tf.Tensor4D,
    options: { readonly level: number; readonly from?: number; readonly to?: number; readonly training?: boolean },
  ): Readonly<Record<string, tf.Tensor4D>>;
}

interface Tower {
  readonly blocks: readonly ConvBlock[];
  readonly outputs: readonly (Pick<DenseOutput, 'activate' | 'timesStride'> & {
    readonly name: string;
    readonly conv: ConvBlock;
    readonly scales: readonly LevelScale[];
  })[];
}

/**
 * Towers of 3x3 convolutions with a norm and ReLU, and 3x3 prediction layers, shared by all levels. Needs neither
 * backbone nor neck.
 */
export function buildDenseHead(options: DenseHeadOptions): DenseHead {
  const { detector, branches, depth, strides } = options;
  const towers = new Map(Object.entries(branches).map(([name, branch]) => [name, buildTower(branch, options)]));
  const layers = [...towers.values()].flatMap(({ blocks, outputs }) =>
    [...blocks, ...outputs.map(({ conv }) => conv)]
      .flatMap(({ conv, norm }) => (norm ? [conv, norm] : [conv]))
      .concat(outputs.flatMap(({ scales }) => scales)),
  );
  const biases = new Map(
    Object.values(branches).flatMap(({ outputs }) =>
      Object.values(outputs).map(({ layer, bias = 0 }) => [layer, bias] as const),
    ),
  );
  initialiseLayers(layers, options.seed, (name) => ({
    kernel: { kind: 'normal', deviation: 0.01 },
    bias: biases.get(name) ?? 0,
  }));
  const located = new Map<string, { readonly tap: TapInfo; readonly place: TapPlace }>();
  strides.forEach((stride, level) => {
    for (const [branch, { block }] of Object.entries(branches)) {
      for (let index = 0; index < depth; index++) {
        const name = `${block(index).tap}@p${Math.log2(stride)}`;
        located.set(name, {
          tap: { name, stride, channels: options.channels },
          place: { branch, level, block: index },
        });
      }
    }
  });
  // The head runs no live batch norm, so its layers train and predict alike.
  const context: RunContext = { training: false, updates: [], ...(options.runOp && { runOp: options.runOp }) };
  const towerOf = (branch: string): Tower => {
    const tower = towers.get(branch);
    if (tower) return tower;
    throw new KdError(
      'USAGE',
      `${detector} head: there is no branch "${branch}"; there are ${[...towers.keys()].join(', ')}.`,
    );
  };

  return {
    layers,
    taps: [...located.values()].map(({ tap }) => tap),
    locate: (tap) => located.get(tap)?.place,
    branches: [...towers.keys()],
    depth: (branch) => towerOf(branch).blocks.length,
    maps: (branch) => towerOf(branch).outputs.map(({ name }) => name),
    preActivation(branch, x, index) {
      const { blocks } = towerOf(branch);
      const block = blocks[index];
      if (!block)
        throw new KdError(
          'USAGE',
          `${detector} head, branch ${branch}: there is no block ${index}; the tower has ${blocks.length}, the first is 0.`,
        );
      return runConvBlock({ ...block, relu: false }, x, context);
    },
    symbolic: (levels) =>
      Object.fromEntries(
        [...towers.values()].flatMap(({ blocks, outputs }) => {
          const features = levels.map((level) => blocks.reduce(applyConvBlock, level));
          return outputs.map(({ name, conv, scales, activate, timesStride }) => [
            name,
            features.map((feature, level) => {
              const follow = [
                ...(scales.length > 0 ? [scales[level]!] : []),
                ...(activate === undefined ? [] : [activation(`${conv.conv.name}.${activate}`, activate)]),
                ...(timesStride ? [new Times({ name: `${conv.conv.name}.stride`, factor: strides[level]! })] : []),
              ];
              return follow.reduce((x, layer) => applied(layer, x), applyConvBlock(feature, conv));
            }),
          ]);
        }),
      ),
    run(branch, x, { training = false, ...run }) {
      const { blocks, outputs } = towerOf(branch);
      const { level } = run;
      const { from, to, predicts } = blockRange(`${detector} head, branch ${branch}`, run, {
        depth: blocks.length,
        levels: strides.length,
      });
      return tf.tidy((): Record<string, tf.Tensor4D> => {
        const feature = blocks.slice(from, to).reduce((last, block) => runConvBlock(block, last, context), x);
        if (!predicts) return { feature };
        return Object.fromEntries(
          outputs.map(({ name, conv, scales, activate, timesStride }) => {
            const raw = runConvBlock(conv, feature, context);
            const scaled = scales.length > 0 ? (scales[level]!.call(raw) as tf.Tensor4D) : raw;
            const map = activate === undefined ? scaled : activate === 'exp' ? tf.exp(scaled) : tf.relu(scaled);
            return [name, timesStride && !training ? tf.mul(map, strides[level]!) : map];
          }),
        );
      });
    },
  };
}

function buildTower(
  branch: DenseBranch,
  { inChannels, depth, channels, norm, groups, strides, convBias = norm === 'none' }: DenseHeadOptions,
): Tower {
  const built = <L extends Layer>(layer: L, input: number): L => {
    layer.build([null, null, null, input]);
    return layer;
  };
  const blocks = Array.from({ length: depth }, (_, i): ConvBlock => {
    const names = branch.block(i);
    return {
      conv: built(
        convLayer(names.conv, { filters: channels, kernel: 3, bias: convBias }),
        i === 0 ? inChannels : channels,
      ),
      ...(norm === 'group' && { norm: built(createNorm(names.norm, channels, { kind: 'group', groups }), channels) }),
      relu: true,
      pad: 0,
    };
  });
  const outputs = Object.entries(branch.outputs).map(([name, { layer, channels: filters, scales, ...rest }]) => ({
    ...rest,
    name,
    conv: {
      conv: built(convLayer(layer, { filters, kernel: 3, bias: true }), depth === 0 ? inChannels : channels),
      relu: false,
      pad: 0,
    },
    scales:
      scales === undefined
        ? []
        : strides.map((_, level) => built(new LevelScale({ name: `${scales}.${level}` }), filters)),
  }));
  return { blocks, outputs };
}

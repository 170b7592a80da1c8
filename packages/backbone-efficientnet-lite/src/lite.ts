import type { Backbone, BackboneContext, BackboneStage } from '@kd/core';
import { divisible, initialiseLayers, type NetworkBuilder, networkBuilder } from '@kd/vision';
import { input, layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';

/** Repeats, kernel, stride of the first, expansion, channels (Tan & Le, 2019, table 1). */
const SETTINGS = [
  [1, 3, 1, 1, 16],
  [2, 3, 2, 6, 24],
  [2, 5, 2, 6, 40],
  [3, 3, 2, 6, 80],
  [3, 5, 1, 6, 112],
  [4, 5, 2, 6, 192],
  [1, 3, 1, 6, 320],
] as const;
/** The Lite versions leave the stem as it is, and how often the first and the last kind of block stand. */
const STEM = 32;

export interface Scale {
  readonly width: number;
  readonly depth: number;
}

/** Factors of channels and of repeats. */
export const VERSIONS: readonly [Scale, Scale, Scale, Scale, Scale] = [
  { width: 1, depth: 1 },
  { width: 1, depth: 1.1 },
  { width: 1.1, depth: 1.2 },
  { width: 1.2, depth: 1.4 },
  { width: 1.4, depth: 1.8 },
];

interface Block {
  readonly kernel: 3 | 5;
  readonly stride: 1 | 2;
  readonly expansion: number;
  readonly channels: number;
}

export function blocksOf({ width, depth }: Scale): Block[] {
  return SETTINGS.flatMap(([repeats, kernel, first, expansion, channels], k) => {
    const fixed = k === 0 || k === SETTINGS.length - 1;
    return Array.from({ length: fixed ? repeats : Math.ceil(repeats * depth) }, (_, i) => ({
      kernel,
      stride: i === 0 ? first : 1,
      expansion,
      channels: divisible(channels * width),
    }));
  });
}

/**
 * Up to the last block: the 1x1 behind it belongs to the classifier. Padded as TensorFlow pads, since the weights were
 * trained there. The last block of each stride is a stage, and what trains goes from one halving of the map to the
 * next.
 */
export function buildLite(scale: Scale, { path, norm, seed }: BackboneContext): Backbone {
  const builder = networkBuilder();
  const images = input({ shape: [null, null, 3], name: 'images' });
  const stages = new Map<number, BackboneStage>();
  const parts = [['_conv_stem', '_bn0']];
  const depthwise = new Map<string, number>();
  let x = builder.conv(`${path}._conv_stem`, images, { filters: STEM, kernel: 3, stride: 2, padding: 'same' });
  x = builder.relu(`${path}._relu0`, builder.norm(`${path}._bn0`, x, norm), 6);
  let total = 2;
  blocksOf(scale).forEach((block, i) => {
    const name = `${path}._blocks.${i}`;
    x = place(block, x, { builder, name, norm });
    depthwise.set(`${name}._depthwise_conv`, block.kernel);
    total *= block.stride;
    stages.set(total, { name, output: x, channels: block.channels, stride: total });
    if (block.stride > 1) parts.unshift([]);
    parts[0]!.push(`_blocks.${i}`);
  });
  initialiseLayers(builder.layers, seed, (layer) => {
    const kernel = depthwise.get(layer);
    // Each channel by itself, as EfficientNet starts: counted over all of them the maps would be next to nothing.
    if (kernel !== undefined) return { kernel: { kind: 'normal', deviation: Math.SQRT2 / kernel } };
    return { kernel: { kind: 'kaiming-normal-fan-out' } };
  });
  return { images, stages: [...stages.values()], layers: builder.layers, parts };
}

interface At {
  readonly builder: NetworkBuilder;
  readonly name: string;
  readonly norm: BackboneContext['norm'];
}

/** Widened by a 1x1, filtered channel by channel, narrowed without an activation; no squeeze and excitation. */
function place({ kernel, stride, expansion, channels }: Block, x: SymbolicTensor, { builder, name, norm }: At) {
  const inside = x.shape[3]! * expansion;
  const active = (k: number, y: SymbolicTensor): SymbolicTensor =>
    builder.relu(`${name}._relu${k}`, builder.norm(`${name}._bn${k}`, y, norm), 6);
  let y = x;
  if (expansion > 1) y = active(0, builder.conv(`${name}._expand_conv`, y, { filters: inside, kernel: 1 }));
  const depthwise = { filters: inside, kernel, stride, groups: inside, padding: 'same' } as const;
  y = active(1, builder.conv(`${name}._depthwise_conv`, y, depthwise));
  y = builder.conv(`${name}._project_conv`, y, { filters: channels, kernel: 1 });
  y = builder.norm(`${name}._bn2`, y, norm);
  return stride === 1 && x.shape[3] === channels ? builder.place(layers.add({ name: `${name}._add` }), [y, x]) : y;
}

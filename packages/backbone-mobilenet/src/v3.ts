import type { BackboneContext } from '@kd/core';
import { divisible, HardGate, HardSwish, type NetworkBuilder, SpatialMean } from '@kd/vision';
import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';

import type { Feature } from './features.js';

/** Kernel, channels inside, channels out, squeeze and excitation, activation, stride. */
type Row = readonly [
  kernel: 3 | 5,
  inside: number,
  out: number,
  squeeze: boolean,
  activation: 'relu' | 'hard-swish',
  stride: 1 | 2,
];

/** Howard et al., 2019, tables 1 and 2, as torchvision has them. */
export const V3: Readonly<Record<'large' | 'small', readonly Row[]>> = {
  large: [
    [3, 16, 16, false, 'relu', 1],
    [3, 64, 24, false, 'relu', 2],
    [3, 72, 24, false, 'relu', 1],
    [5, 72, 40, true, 'relu', 2],
    [5, 120, 40, true, 'relu', 1],
    [5, 120, 40, true, 'relu', 1],
    [3, 240, 80, false, 'hard-swish', 2],
    [3, 200, 80, false, 'hard-swish', 1],
    [3, 184, 80, false, 'hard-swish', 1],
    [3, 184, 80, false, 'hard-swish', 1],
    [3, 480, 112, true, 'hard-swish', 1],
    [3, 672, 112, true, 'hard-swish', 1],
    [5, 672, 160, true, 'hard-swish', 2],
    [5, 960, 160, true, 'hard-swish', 1],
    [5, 960, 160, true, 'hard-swish', 1],
  ],
  small: [
    [3, 16, 16, true, 'relu', 2],
    [3, 72, 24, false, 'relu', 2],
    [3, 88, 24, false, 'relu', 1],
    [5, 96, 40, true, 'hard-swish', 2],
    [5, 240, 40, true, 'hard-swish', 1],
    [5, 240, 40, true, 'hard-swish', 1],
    [5, 120, 48, true, 'hard-swish', 1],
    [5, 144, 48, true, 'hard-swish', 1],
    [5, 288, 96, true, 'hard-swish', 2],
    [5, 576, 96, true, 'hard-swish', 1],
    [5, 576, 96, true, 'hard-swish', 1],
  ],
};

type Norm = BackboneContext['norm'];
type Activation = Row[4] | 'none';

export function v3Features(rows: readonly Row[], width: number, norm: Norm): Feature[] {
  let channels = divisible(16 * width);
  const features = [unit(channels, 3, 2, norm)];
  for (const row of rows) {
    features.push(block(channels, row, width, norm));
    channels = divisible(row[2] * width);
  }
  return [...features, unit(6 * channels, 1, 1, norm)];
}

interface ConvOptions {
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: 1 | 2;
  readonly groups?: number;
  readonly activation: Activation;
  readonly norm: Norm;
}

function conv(
  builder: NetworkBuilder,
  name: string,
  x: SymbolicTensor,
  { activation, norm, ...options }: ConvOptions,
): SymbolicTensor {
  const y = builder.norm(`${name}.1`, builder.conv(`${name}.0`, x, options), norm);
  if (activation === 'none') return y;
  return activation === 'relu' ? builder.relu(`${name}.2`, y) : builder.place(new HardSwish({ name: `${name}.2` }), y);
}

const unit = (filters: number, kernel: number, stride: 1 | 2, norm: Norm): Feature => ({
  stride,
  build: (x, { builder, name }) => conv(builder, name, x, { filters, kernel, stride, norm, activation: 'hard-swish' }),
});

const block = (
  channels: number,
  [kernel, wide, narrow, squeeze, activation, stride]: Row,
  width: number,
  norm: Norm,
): Feature => ({
  stride,
  build(input, { builder, name }) {
    const [inside, out] = [divisible(wide * width), divisible(narrow * width)];
    let at = 0;
    const next = (): string => `${name}.block.${at++}`;
    let x =
      inside === channels ? input : conv(builder, next(), input, { filters: inside, kernel: 1, norm, activation });
    x = conv(builder, next(), x, { filters: inside, kernel, stride, groups: inside, norm, activation });
    if (squeeze) x = squeezed(builder, next(), x);
    x = conv(builder, next(), x, { filters: out, kernel: 1, norm, activation: 'none' });
    return stride === 1 && channels === out ? builder.place(layers.add({ name: `${name}.add` }), [x, input]) : x;
  },
});

function squeezed(builder: NetworkBuilder, name: string, x: SymbolicTensor): SymbolicTensor {
  const channels = x.shape[3]!;
  const mean = builder.place(new SpatialMean({ name: `${name}.avgpool` }), x);
  const squeeze = { filters: divisible(Math.trunc(channels / 4)), kernel: 1, bias: true };
  const small = builder.relu(`${name}.activation`, builder.conv(`${name}.fc1`, mean, squeeze));
  const gate = builder.conv(`${name}.fc2`, small, { filters: channels, kernel: 1, bias: true });
  return builder.place(new HardGate({ name: `${name}.scale_activation` }), [x, gate]);
}

import type { BackboneContext } from '@kd/core';
import { divisible } from '@kd/vision';
import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';

import type { Feature } from './features.js';

/** Expansion, channels, modules, stride of the first (Sandler et al., 2018, table 2). */
const SETTINGS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

type Norm = BackboneContext['norm'];

export function v2Features(width: number, norm: Norm): Feature[] {
  const features = [unit(divisible(32 * width), 3, 2, norm)];
  let channels = divisible(32 * width);
  for (const [expansion, wide, count, first] of SETTINGS) {
    const out = divisible(wide * width);
    for (let i = 0; i < count; i++) {
      features.push(bottleneck(channels, out, expansion, i === 0 ? first : 1, norm));
      channels = out;
    }
  }
  return [...features, unit(divisible(1280 * Math.max(1, width)), 1, 1, norm)];
}

const unit = (filters: number, kernel: number, stride: 1 | 2, norm: Norm): Feature => ({
  stride,
  build: (x, { builder, name }) =>
    builder.relu(
      `${name}.2`,
      builder.norm(`${name}.1`, builder.conv(`${name}.0`, x, { filters, kernel, stride }), norm),
      6,
    ),
});

/** An inverted residual: widened by a 1x1, filtered channel by channel, narrowed without an activation. */
const bottleneck = (channels: number, out: number, expansion: number, stride: 1 | 2, norm: Norm): Feature => ({
  stride,
  build(input, { builder, name }) {
    const hidden = channels * expansion;
    let at = 0;
    const step = (x: SymbolicTensor, kernel: number, by: 1 | 2, groups: number): SymbolicTensor => {
      const part = `${name}.conv.${at++}`;
      const y = builder.conv(`${part}.0`, x, { filters: hidden, kernel, stride: by, groups });
      return builder.relu(`${part}.2`, builder.norm(`${part}.1`, y, norm), 6);
    };
    let x = expansion === 1 ? input : step(input, 1, 1, 1);
    x = step(x, 3, stride, hidden);
    x = builder.conv(`${name}.conv.${at}`, x, { filters: out, kernel: 1 });
    x = builder.norm(`${name}.conv.${at + 1}`, x, norm);
    return stride === 1 && channels === out ? builder.place(layers.add({ name: `${name}.add` }), [x, input]) : x;
  },
});

import type { ExportedModel } from '@kd/core';
import { TensorProto_DataType } from 'onnx-buf';
import type { OnnxBuilder } from './builder.js';
import type { OnnxMap } from './network.js';

export const IMAGES = 'images';

/**
 * From the graph's input, RGB from 0 to 255, to what the network reads: [b, 3, h, w], normalised, and padded where the
 * rule's size is not one that strides divide.
 */
export function writeImages(b: OnnxBuilder, { layout, dtype, size, rule }: ExportedModel['input']): OnnxMap {
  const { mean, std, range = 1, channels } = rule;
  let x = IMAGES;
  if (dtype === 'uint8') x = b.node('Cast', [x], { to: TensorProto_DataType.FLOAT });
  if (layout === 'nhwc') x = b.node('Transpose', [x], { perm: [0, 3, 1, 2] });
  if (channels === 'bgr') x = b.node('Gather', [x, b.ints([2, 1, 0])], { axis: 1 });
  const unit = 255 / range;
  const factors = std.map((one) => 1 / (one * unit));
  const shifts = mean.map((one, i) => -one / std[i]!);
  const scaled = b.node('Mul', [x, b.floats(factors, [3, 1, 1])]);
  const normalised = b.node('Add', [scaled, b.floats(shifts, [3, 1, 1])], {}, 'normalised');
  if (size === null) return { name: normalised, channels: 3, size };
  const padded = size.map((side) => Math.ceil(side / rule.sizeDivisible) * rule.sizeDivisible) as [number, number];
  const [down, across] = [padded[0] - size[0], padded[1] - size[1]];
  if (down === 0 && across === 0) return { name: normalised, channels: 3, size };
  const pads = b.ints([0, 0, 0, 0, 0, 0, down, across]);
  return { name: b.node('Pad', [normalised, pads], { mode: 'constant' }, 'padded'), channels: 3, size: padded };
}

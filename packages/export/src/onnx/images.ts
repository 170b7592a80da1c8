import type { ExportedModel } from '@kd/core';
import { TensorProto_DataType } from 'onnx-buf';
import { inputRule } from '../input-rule.js';
import type { OnnxBuilder } from './builder.js';
import type { OnnxMap } from './network.js';

export const IMAGES = 'images';

/**
 * From the graph's input, RGB from 0 to 255, to what the network reads: [b, 3, h, w], normalised, and padded where the
 * rule's size is not one that strides divide.
 */
export function writeImages(b: OnnxBuilder, input: ExportedModel['input']): OnnxMap {
  const { layout, dtype, size } = input;
  const { bgr, scale, shift, down, across } = inputRule(input);
  let x = IMAGES;
  if (dtype === 'uint8') x = b.node('Cast', [x], { to: TensorProto_DataType.FLOAT });
  if (layout === 'nhwc') x = b.node('Transpose', [x], { perm: [0, 3, 1, 2] });
  if (bgr) x = b.node('Gather', [x, b.ints([2, 1, 0])], { axis: 1 });
  const scaled = b.node('Mul', [x, b.floats(scale, [3, 1, 1])]);
  const normalised = b.node('Add', [scaled, b.floats(shift, [3, 1, 1])], {}, 'normalised');
  if (size === null || (down === 0 && across === 0)) return { name: normalised, channels: 3, size };
  const pads = b.ints([0, 0, 0, 0, 0, 0, down, across]);
  const padded = b.node('Pad', [normalised, pads], { mode: 'constant' }, 'padded');
  return { name: padded, channels: 3, size: [size[0] + down, size[1] + across] };
}

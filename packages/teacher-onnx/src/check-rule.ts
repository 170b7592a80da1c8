import { KdError } from '@kd/core';
import type { ImageInput } from './model/image-input.js';
import type { OnnxOptions } from './options.js';

/**
 * Compares what the config says of the input with what the file does.
 * @throws KdError CONFIG_INVALID
 */
export function checkRule({ model, input: rule }: OnnxOptions, input: ImageInput): void {
  const refuse = (what: string): never => {
    throw new KdError('CONFIG_INVALID', `teacher "onnx": ${model} ${what}.`);
  };
  const { height, width } = input;
  if (input.layout !== rule.layout.toUpperCase())
    refuse(
      `reads images as ${input.layout === 'NCHW' ? '[b, 3, h, w]' : '[b, h, w, 3]'}, and input.layout says "${rule.layout}". Write input.layout: "${input.layout.toLowerCase()}"`,
    );
  const wanted = `fixedSize: [${height ?? 'height'}, ${width ?? 'width'}]`;
  if (rule.fixedSize === null) {
    if (height !== null || width !== null)
      refuse(
        `was exported for images of one size (height ${height ?? 'any'}, width ${width ?? 'any'}). Write input.${wanted}`,
      );
  } else if ((height ?? rule.fixedSize[0]) !== rule.fixedSize[0] || (width ?? rule.fixedSize[1]) !== rule.fixedSize[1])
    refuse(
      `was exported for images of another size than fixedSize: [${rule.fixedSize.join(', ')}]. Write input.${wanted}`,
    );
  const bytes = rule.range === 255 && rule.mean.every((one) => one === 0) && rule.std.every((one) => one === 1);
  if (input.dtype === 'uint8' && !bytes)
    refuse('reads pixels as bytes. Write input.range: 255, mean: [0, 0, 0], std: [1, 1, 1]');
}

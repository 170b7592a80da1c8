import { KdError } from '@kd/core';
import { exportTorch, type TorchFamily } from '@kd/export';
import { serializeSafetensors, serializeTorch } from '@kd/weights';
import type { Format } from './format.js';

/** A state dict, and on standard output the Python that builds the model which takes it. */
export const torch =
  (family: TorchFamily): Format =>
  async (detector, { out, weights, metrics: _, ...others }) => {
    const [other] = Object.keys(others);
    if (other !== undefined || weights === 'int8')
      throw new KdError(
        'USAGE',
        `${other === undefined ? '--int8' : `the option for ${other}`} would not be read: --to ${family} writes weights alone. Leave it out.`,
      );
    if (!/\.(?:safetensors|pth)$/.test(out))
      throw new KdError('USAGE', `--out ${out}: --to ${family} writes a file that ends with .safetensors or .pth.`);
    const { tensors, builder } = await exportTorch(detector, family);
    const options = weights === 'float16' ? ({ as: 'F16' } as const) : {};
    return {
      content: out.endsWith('.pth') ? serializeTorch(tensors, options) : serializeSafetensors(tensors, {}, options),
      program: builder(out),
      lines:
        family === 'mmdet' && detector.input.resize !== 'mmdet' && detector.input.fixedSize === null
          ? [
              "the student saw images as torchvision resizes them; mmdetection's resize rounds, which moves boxes a little",
            ]
          : [],
    };
  };

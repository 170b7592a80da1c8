import type { Tensor } from 'onnxruntime-node';
import type { ImageType } from '../model/image-input.js';
import type { Runtime } from '../runtime.js';

/** An image of zeros, to learn shapes by. */
export function zeroImage(OrtTensor: Runtime['Tensor'], dtype: ImageType, shape: readonly number[]): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  if (dtype === 'uint8') return new OrtTensor('uint8', new Uint8Array(length), shape);
  return dtype === 'float16'
    ? new OrtTensor('float16', new Uint16Array(length), shape)
    : new OrtTensor('float32', new Float32Array(length), shape);
}

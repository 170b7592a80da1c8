import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from './replace-kernel.js';

const KERNELS = { Conv2D: false, FusedConv2D: false, DepthwiseConv2dNative: true, FusedDepthwiseConv2D: true };

/**
 * Convolutions of the package padded by `same` read nothing but padding where strides leave pixels out behind the last
 * position: its count of zeros is below zero then. Theirs are written out here; with a stride up to the kernel's side
 * there are none.
 */
export function registerSamePadding(): void {
  for (const [kernelName, depthwise] of Object.entries(KERNELS)) {
    const stock = tf.getKernel(kernelName, 'wasm').kernelFunc;
    replaceKernel(kernelName, (call) => {
      const attributes = call.attrs as unknown as tf.Conv2DAttrs;
      if (attributes.pad !== 'same') return stock(call);
      const { x, filter } = call.inputs as Record<'x' | 'filter', tf.TensorInfo>;
      const pad = paddingOf(x.shape, filter.shape, attributes, depthwise);
      return stock(pad === null ? call : { ...call, attrs: { ...call.attrs, pad } });
    });
  }
}

/** The zeros of `same` on each side, or null where they need not be written out. */
function paddingOf(
  x: readonly number[],
  filter: readonly number[],
  { strides, dilations, dimRoundingMode }: tf.Conv2DAttrs,
  depthwise: boolean,
): number[][] | null {
  const shapes = [x, filter] as unknown as [[number, number, number, number], [number, number, number, number]];
  const of = tf.backend_util.computeConv2DInfo(...shapes, strides, dilations, 'same', dimRoundingMode, depthwise);
  const left = (side: number, out: number, stride: number, kernel: number): boolean =>
    (out - 1) * stride + kernel < side;
  if (
    !left(of.inHeight, of.outHeight, of.strideHeight, of.effectiveFilterHeight) &&
    !left(of.inWidth, of.outWidth, of.strideWidth, of.effectiveFilterWidth)
  )
    return null;
  const { top, bottom, left: before, right } = of.padInfo;
  return [
    [0, 0],
    [top, bottom],
    [before, right],
    [0, 0],
  ];
}

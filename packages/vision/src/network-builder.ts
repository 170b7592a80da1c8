import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { countedZeros } from './layers/counted-zeros.js';
import { GroupedConv } from './layers/grouped-conv.js';
import type { Layer } from './layers/layer-weight.js';
import { createNorm, type NormOptions } from './layers/norm.js';

export interface ConvOptions {
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly bias?: boolean;
  /** Groups of channels that see each other alone; only without a bias. */
  readonly groups?: number;
  /** `same`: as TensorFlow pads, which with a stride puts the odd zero at the end; default `torch`. */
  readonly padding?: 'torch' | 'same';
  readonly trainable?: boolean;
}

/** Places layers one after the other and keeps them in the order in which they were placed. */
export interface NetworkBuilder {
  readonly layers: readonly Layer[];
  /** A convolution, padded as torch pads by default: `kernel / 2` zeros on every side, whatever the stride. */
  conv(name: string, x: SymbolicTensor, options: ConvOptions): SymbolicTensor;
  norm(name: string, x: SymbolicTensor, options: NormOptions, trainable?: boolean): SymbolicTensor;
  /** @param cap 6 for a ReLU6 */
  relu(name: string, x: SymbolicTensor, cap?: number): SymbolicTensor;
  /** Any other layer. */
  place(layer: Layer, x: SymbolicTensor | SymbolicTensor[]): SymbolicTensor;
}

export function networkBuilder(): NetworkBuilder {
  const placed: Layer[] = [];
  const place = (layer: Layer, x: SymbolicTensor | SymbolicTensor[], trainable = true): SymbolicTensor => {
    const y = layer.apply(x) as SymbolicTensor;
    layer.trainable = trainable;
    placed.push(layer);
    return y;
  };
  return {
    layers: placed,
    place: (layer, x) => place(layer, x),
    conv: (
      name,
      x,
      { filters, kernel, stride = 1, bias = false, groups = 1, padding: like = 'torch', trainable = true },
    ) => {
      const pad = Math.floor(kernel / 2);
      // "same" of a stride-2 convolution pads at the end only, where torch pads on both sides.
      const explicit = like === 'torch' && stride > 1 && pad > 0;
      const padded = explicit
        ? place(
            layers.zeroPadding2d({
              name: `${name}.pad`,
              padding: [
                [pad, pad],
                [pad, pad],
              ],
            }),
            x,
          )
        : x;
      const padding = explicit ? 'valid' : 'same';
      const layer =
        groups > 1
          ? new GroupedConv({ name, filters, kernel, stride, padding, groups })
          : convLayer(name, { filters, kernel, stride, bias, padding });
      return place(layer, padded, trainable);
    },
    norm: (name, x, options, trainable = true) => place(createNorm(name, x.shape.at(-1)!, options), x, trainable),
    relu: (name, x, cap) => place(layers.reLU({ name, ...(cap !== undefined && { maxValue: cap }) }), x),
  };
}

/** A stock convolution without activation. Its weights start at 0: see `initialiseLayers`. */
export function convLayer(
  name: string,
  {
    filters,
    kernel,
    stride = 1,
    bias = false,
    padding = 'same',
  }: Omit<ConvOptions, 'padding'> & { readonly padding?: 'same' | 'valid' },
): Layer {
  return layers.conv2d({
    name,
    filters,
    kernelSize: kernel,
    strides: stride,
    padding,
    useBias: bias,
    kernelInitializer: countedZeros(),
  });
}

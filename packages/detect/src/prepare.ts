import type { ExportedModel } from './exported-model.js';
import type { KnownPixels } from './pixels.js';
import { resizedSize, resizeInto, type Size, wholeSide } from './resize.js';

/** An image as the model takes it: RGB from 0 to 255, resized and padded; normalised inside of the model. */
export interface Prepared {
  readonly data: Float32Array | Uint8Array;
  readonly shape: readonly number[];
  /** Of the image after resizing, before padding. */
  readonly imageSize: Size;
  /** As the network sees it: a size that its strides do not divide is padded inside of the model. */
  readonly paddedSize: Size;
}

export function prepare(image: KnownPixels, { layout, dtype, size, batch, rule }: ExportedModel['input']): Prepared {
  const imageSize = fitted(resizedSize(image.height, image.width, rule), size, rule.resize);
  const padded = (side: number): number => Math.ceil(side / rule.sizeDivisible) * rule.sizeDivisible;
  const paddedSize = [padded(size?.[0] ?? imageSize[0]), padded(size?.[1] ?? imageSize[1])] as const;
  const [h, w] = size ?? paddedSize;
  const images = batch ?? 1;
  const data = new (dtype === 'uint8' ? Uint8Array : Float32Array)(images * h * w * 3);
  const strides = layout === 'nhwc' ? ([w * 3, 3, 1] as const) : ([w, 1, h * w] as const);
  // The network was trained with 0 around its images, after normalisation: here that is the mean.
  const { mean, range = 1, channels } = rule;
  for (let c = 0; c < 3; c++) {
    const value = (mean[channels === 'bgr' ? 2 - c : c]! * 255) / range;
    const padding = dtype === 'uint8' ? Math.round(value) : value;
    for (let y = 0, at = c * strides[2]; y < h * w; y++, at += strides[1]) data[at] = padding;
  }
  resizeInto({ data, strides, round: dtype === 'uint8' || rule.resize === 'mmdet' }, image, imageSize);
  const shape = layout === 'nhwc' ? [images, h, w, 3] : [images, 3, h, w];
  return { data, shape, imageSize, paddedSize };
}

/** Smaller, with the same ratio of sides, where the model has one size and the image by its rule would exceed it. */
function fitted(size: Size, limit: Size | null, rule: ExportedModel['input']['rule']['resize']): Size {
  if (!limit) return size;
  const scale = Math.min(1, limit[0] / size[0], limit[1] / size[1]);
  return scale === 1 ? size : [wholeSide(size[0] * scale, rule), wholeSide(size[1] * scale, rule)];
}

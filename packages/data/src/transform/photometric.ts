import type { Rng } from '@kd/core';
import type { HostImage } from '../decode/image.js';
import { shiftHue } from './hue.js';

/** Ranges that factors are drawn from; hue in turns of the colour circle. */
export interface PhotometricOptions {
  readonly brightness: readonly [number, number];
  readonly contrast: readonly [number, number];
  readonly saturation: readonly [number, number];
  readonly hue: readonly [number, number];
  /** Of each of the four, and of a permutation of the channels. */
  readonly probability: number;
}

/**
 * The photometric distortion of SSD (Liu et al. 2016, section 2.2), with the steps and defaults of torchvision's
 * RandomPhotometricDistort: brightness, contrast (before or after the next two, evenly drawn), saturation, hue, and
 * a permutation of the channels.
 */
export function photometric(
  image: HostImage,
  { brightness, contrast, saturation, hue, probability }: PhotometricOptions,
  rng: Rng,
): HostImage {
  const data = Uint8Array.from(image.data);
  const drawn = (): boolean => rng.uniform() < probability;
  const between = ([low, high]: readonly [number, number]): number => low + (high - low) * rng.uniform();
  if (drawn()) scaleValues(data, between(brightness), 0);
  const contrastFirst = rng.uniform() < 0.5;
  const contrastDrawn = drawn();
  const changeContrast = (): void => {
    const factor = between(contrast);
    scaleValues(data, factor, (1 - factor) * meanGrey(data));
  };
  if (contrastFirst && contrastDrawn) changeContrast();
  if (drawn()) saturate(data, between(saturation));
  if (drawn()) shiftHue(data, between(hue));
  if (!contrastFirst && contrastDrawn) changeContrast();
  if (drawn()) permute(data, rng.shuffle([0, 1, 2]));
  return { ...image, data };
}

const grey = (r: number, g: number, b: number): number => 0.2989 * r + 0.587 * g + 0.114 * b;

function meanGrey(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += grey(data[i]!, data[i + 1]!, data[i + 2]!);
  return sum / (data.length / 3);
}

function scaleValues(data: Uint8Array, factor: number, shift: number): void {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, v) => v * factor + shift);
  for (let i = 0; i < data.length; i++) data[i] = table[data[i]!]!;
}

function saturate(data: Uint8Array, factor: number): void {
  const clamp = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    const rest = (1 - factor) * grey(r, g, b);
    data[i] = clamp(factor * r + rest);
    data[i + 1] = clamp(factor * g + rest);
    data[i + 2] = clamp(factor * b + rest);
  }
}

function permute(data: Uint8Array, order: readonly number[]): void {
  for (let i = 0; i < data.length; i += 3) {
    const pixel = [data[i]!, data[i + 1]!, data[i + 2]!];
    for (let c = 0; c < 3; c++) data[i + c] = pixel[order[c]!]!;
  }
}

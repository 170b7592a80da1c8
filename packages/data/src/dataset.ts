import type { Category, Dataset, DatasetSource, ImageRecord } from '@kd/core';
import type { HostImage } from './decode/image.js';
import { createLoader } from './loader/loader.js';
import { missingImages, pathOf } from '#host/picture-files';
import type { PixelSource } from './pixel-source.js';
import { readPixels } from './pixels.js';
import type { Correction } from './read/correction.js';
import type { TellFault } from './read/faults.js';

/** A data set that this package has read: core's contract, what was corrected, and single images on demand. */
export interface ReadDataset extends Dataset {
  readonly report: readonly Correction[];
  /** One image, upright, 8-bit RGB. @throws KdError IMAGE_INVALID */
  readImage(record: ImageRecord): Promise<HostImage>;
  /** Where the file of an image lies; null for one that is drawn. */
  pathOf(record: ImageRecord): string | null;
}

export interface OpenContext {
  readonly folder: string;
  readonly classes?: readonly string[];
  /** Takes every fault, where reading is to go on without the entry; else all are thrown as one error at the end. */
  readonly tell?: TellFault;
}

export interface DataSource extends DatasetSource {
  open(context: OpenContext): Promise<ReadDataset>;
}

export interface DatasetParts {
  readonly name: string;
  readonly categories: readonly Category[];
  readonly images: readonly ImageRecord[];
  readonly report: readonly Correction[];
  readonly pixels: PixelSource;
}

export function createDataset({ pixels, ...parts }: DatasetParts): ReadDataset {
  return {
    ...parts,
    readImage: (record) => readPixels(pixels, record),
    pathOf: (record) => pathOf(pixels, record.file),
    missing: () => missingImages(pixels, parts.images),
    loader: (options) => createLoader({ name: parts.name, images: parts.images, pixels }, options),
  };
}

import type { HostImage } from './decode/image.js';
import type { SceneOptions } from './synthetic/scene.js';

/** Pictures in files. */
export type PictureFiles =
  | { readonly kind: 'files'; readonly folder: string; readonly maxPixels: number }
  /** Several folders under names: `<name>/<file>` is a file of that one. */
  | { readonly kind: 'folders'; readonly folders: Readonly<Record<string, string>>; readonly maxPixels: number };

/** Where the pixels of a data set come from, as plain data: it is sent to the worker threads. */
export type PixelSource =
  | PictureFiles
  | { readonly kind: 'synthetic'; readonly scene: SceneOptions }
  /** By the names of the images. */
  | { readonly kind: 'memory'; readonly pictures: ReadonlyMap<string, HostImage> };

/** Whether the pictures lie in files. */
export const inFiles = (source: PixelSource): source is PictureFiles =>
  source.kind === 'files' || source.kind === 'folders';

import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { KdError } from '@kd/core';
import { shownPath } from './shown-path.js';

/** Images with the names that annotations have for them. */
export interface LabelNames {
  /** Where the names start: `images` of a config. */
  readonly root: string;
  readonly images: readonly { readonly file: string; readonly name: string }[];
}

/**
 * Names of images from a folder: the one that is given; else that of the output, where all lie in it; else the nearest
 * that holds them all. An image that is named twice comes once.
 * @throws KdError USAGE for an image out of the folder that is given
 */
export function labelNames(files: readonly string[], out: string, given: string | undefined): LabelNames {
  const places = new Map(files.map((file) => [resolve(real(dirname(file)), file.replace(/^.*[/\\]/, '')), file]));
  const inside = (folder: string): boolean => [...places.keys()].every((place) => nameFrom(folder, place) !== null);
  const root = given === undefined ? nearest(real(dirname(out)), [...places.keys()], inside) : real(given);
  const images = [...places].map(([place, file]) => {
    const name = nameFrom(root, place);
    if (name !== null) return { file, name };
    throw new KdError(
      'USAGE',
      `--images ${given}: ${shownPath(file)} does not lie in it; name a folder that holds all images, or leave --images out.`,
    );
  });
  return { root, images };
}

function nearest(out: string, places: readonly string[], inside: (folder: string) => boolean): string {
  if (inside(out)) return out;
  let folder = dirname(places[0]!);
  while (!inside(folder)) folder = dirname(folder);
  return folder;
}

/** With / between folders, as annotations have it; null for a place out of the folder. */
function nameFrom(folder: string, place: string): string | null {
  const name = relative(folder, place);
  return name === '' || name === '..' || name.startsWith(`..${sep}`) || isAbsolute(name)
    ? null
    : name.split(sep).join('/');
}

/** A folder without links; one that is not there yet, below the one that is. */
function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    const path = resolve(folder);
    return dirname(path) === path ? path : join(real(dirname(path)), relative(dirname(path), path));
  }
}

import { dirname, posix, relative, sep } from 'node:path';
import { KdError, type Category, type ImageRecord } from '@kd/core/plain';
import type { ReadDataset } from '../dataset.js';
import { cleaned } from '../read/box-rule.js';

/** What a COCO instances file holds (cocodataset.org, "Data format"). */
export interface CocoInstances {
  readonly images: readonly {
    readonly id: number;
    readonly file_name: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly categories: readonly Category[];
  readonly annotations: readonly {
    readonly id: number;
    readonly image_id: number;
    readonly category_id: number;
    readonly bbox: readonly [number, number, number, number];
    readonly area: number;
    readonly iscrowd: 0 | 1;
  }[];
}

export interface Converted {
  readonly instances: CocoInstances;
  /** Folder that the file names start from. */
  readonly images: string;
}

/**
 * A data set in COCO's form. Ids are those of the set where they are whole numbers, else 1 to n in its order. File
 * names start from the folder of the file to be written where all pictures lie below it, else from the deepest folder
 * that holds them all. Boxes to ignore become crowds.
 * @param file where it is to be written
 * @throws KdError USAGE for a set without files, IMAGE_INVALID for pictures that are not there
 */
export async function toCoco(dataset: ReadDataset, file: string): Promise<Converted> {
  const paths = dataset.images.map((record) => {
    const path = dataset.pathOf(record);
    if (path === null)
      throw new KdError(
        'USAGE',
        `${dataset.name} has no files that a COCO file could name; its pictures are drawn anew each time.`,
      );
    return path;
  });
  const missing = (await dataset.missing?.()) ?? [];
  if (missing.length > 0)
    throw new KdError(
      'IMAGE_INVALID',
      `${dataset.name}: ${missing.length} of ${dataset.images.length} images are not there: ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''}; restore them, or take them out of the annotations.`,
    );
  const images = folderOf(paths, dirname(file));
  const numbered = dataset.images.every(({ id }) => Number.isSafeInteger(id));
  const ids = dataset.images.map(({ id }, i) => (numbered ? Number(id) : i + 1));
  return {
    images,
    instances: {
      images: dataset.images.map(({ width, height }, i) => ({
        id: ids[i]!,
        file_name: relative(images, paths[i]!).replaceAll(sep, posix.sep),
        width,
        height,
      })),
      categories: dataset.categories.map(({ id, name }) => ({ id, name })),
      annotations: dataset.images.flatMap((record, i) => annotationsOf(record, ids[i]!, dataset.categories)),
    },
  };
}

const annotationsOf = ({ annotations }: ImageRecord, image: number, categories: readonly Category[]) =>
  annotations.map(({ id, box: [x1, y1, x2, y2], label, area, ignore }) => ({
    id,
    image_id: image,
    category_id: categories[label]!.id,
    bbox: [x1, y1, cleaned(x2 - x1), cleaned(y2 - y1)] as const,
    area: cleaned(area),
    iscrowd: ignore ? (1 as const) : (0 as const),
  }));

function folderOf(paths: readonly string[], wanted: string): string {
  const holds = (folder: string): boolean =>
    paths.every((path) => path.startsWith(folder.endsWith(sep) ? folder : folder + sep));
  let folder = holds(wanted) || paths.length === 0 ? wanted : dirname(paths[0]!);
  while (!holds(folder)) folder = dirname(folder);
  return folder;
}

/** The file's text, one entry a line. */
export function cocoText({ images, categories, annotations }: CocoInstances): string {
  const list = (key: string, entries: readonly object[]): string =>
    `"${key}": [${entries.map((entry, i) => `${i === 0 ? '' : ','}\n${JSON.stringify(entry)}`).join('')}\n]`;
  return `{\n${list('images', images)},\n${list('categories', categories)},\n${list('annotations', annotations)}\n}\n`;
}

import type { Annotation, Category, ImageRecord } from '@kd/core/plain';
import { createDataset, type ReadDataset } from '../dataset.js';
import type { ImageSize } from '../decode/decode.js';
import { type Box, correctBox, short } from './box-rule.js';
import type { Correction } from './correction.js';
import { attempt, attemptLater, type TellFault } from './faults.js';
import { inLanes } from './lanes.js';
import { sizeOfPicture } from './picture-size.js';
import { refuseIfStrict } from './strict.js';

type Size = Pick<ImageSize, 'width' | 'height'>;

/** A picture as its annotations describe it, before any box is put right. */
export interface Described {
  /** Path below the folder of the set; its id, too. */
  readonly file: string;
  /** null: not declared, and read from the picture. */
  readonly size: Size | null;
  /** What the annotations say instead of a size; null where they say nothing. */
  readonly noSize: string | null;
  /** File and entry, told where the picture cannot be read. */
  readonly where: string;
  readonly objects: readonly DescribedObject[];
}

export interface DescribedObject {
  /** Line, row or place, as {@link Correction} tells it. */
  readonly annotation: number;
  readonly label: number;
  /** In pixels of a picture of that size; or why there is none. */
  readonly box: ((size: Size) => Box) | { readonly dropped: string };
}

export interface Assembly {
  readonly name: string;
  readonly folder: string;
  readonly categories: readonly Category[];
  readonly pictures: readonly Described[];
  readonly maxPixels: number;
  readonly strict: boolean | undefined;
  /** Told where strict mode refuses. */
  readonly file: string;
  /** What was found so far. */
  readonly report: readonly Correction[];
}

/** A data set of described pictures: sizes looked up, boxes clipped and dropped out loud. */
export async function assemble(
  { name, folder, categories, pictures, maxPixels, strict, file, report: before }: Assembly,
  tell: TellFault,
): Promise<ReadDataset> {
  const report = [...before];
  const sized = await inLanes(pictures, async (picture) => {
    const notes: string[] = [];
    const question = { maxPixels, noSize: picture.noSize, where: picture.where };
    const size =
      picture.size ??
      (await attemptLater(tell, () => sizeOfPicture(folder, picture.file, question, (why) => void notes.push(why))));
    return { picture, size, notes };
  });
  let id = 0;
  const images = sized.flatMap(({ picture: { file, objects }, size, notes }): ImageRecord[] => {
    report.push(...notes.map((why) => ({ file, annotation: null, action: 'noted' as const, why })));
    if (size === null) return [];
    const { width, height } = size;
    const annotations = objects.flatMap(({ annotation, label, box: given }): Annotation[] => {
      id++;
      const { box, why } =
        'dropped' in given ? { box: null, why: given.dropped } : correctBox(given(size), width, height);
      if (why !== undefined)
        report.push({
          file,
          annotation,
          action: box === null ? 'dropped' : 'clipped',
          why: `${categories[label]!.name}: ${why}`,
        });
      return box === null ? [] : [{ id, box, label, area: (box[2] - box[0]) * (box[3] - box[1]), ignore: false }];
    });
    return [{ id: file, file, width, height, annotations }];
  });
  attempt(tell, () => refuseIfStrict(strict, file, report));
  return createDataset({ name, categories, images, report, pixels: { kind: 'files', folder, maxPixels } });
}

/** A coordinate without the last binary digits of what it was computed from. */
export const cleaned = (value: number): number => (Number.isInteger(value) ? value : Number(short(value)));

import { type Annotation, type Category, type ImageRecord, KdError } from '@kd/core/plain';
import { createDataset, type ReadDataset } from '../dataset.js';
import type { ImageSize } from '../decode/decode.js';
import { areaOf, type Box, correctBox, noted } from './box-rule.js';
import type { Correction } from './correction.js';
import { attempt, type TellFault } from './faults.js';
import { inLanes } from './lanes.js';
import { tellPictures } from './picture-faults.js';
import { sizeOfPicture } from './picture-size.js';
import { refuseIfStrict } from './strict.js';

type Size = Pick<ImageSize, 'width' | 'height'>;

/** A picture as its annotations describe it, before any box is put right. */
export interface Described {
  /** Path below the folder of the set; its id, too. */
  readonly file: string;
  /** null: not declared, and read from the picture. */
  readonly size: Size | null;
  /** File and entry that name it, told where the picture cannot be read; empty for one that was found in a folder. */
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
  const faults: KdError[] = [];
  const sized = await inLanes(
    pictures,
    (fault) => void faults.push(fault),
    async (picture) => {
      const { file, where, objects } = picture;
      if (picture.size !== null) return { picture, size: picture.size, notes: [] };
      const notes: string[] = [];
      const question = { maxPixels, noSize: null, where };
      const size = await sizeOfPicture(folder, file, question, (why) => void notes.push(why)).catch(
        (thrown: unknown) => {
          throw thrown instanceof KdError ? placed(thrown, where) : thrown;
        },
      );
      // Which way up the boxes are meant is no question where there are none.
      return { picture, size, notes: objects.length === 0 ? [] : notes };
    },
  );
  tellPictures(faults, pictures.length, tell);
  let id = 0;
  const images = sized.flatMap((one): ImageRecord[] => {
    if (one === null) return [];
    const {
      picture: { file, objects },
      size,
      notes,
    } = one;
    report.push(...notes.map((why) => ({ file, annotation: null, action: 'noted' as const, why })));
    const { width, height } = size;
    const annotations = objects.flatMap(({ annotation, label, box: given }): Annotation[] => {
      id++;
      const corrected = 'dropped' in given ? { box: null, why: given.dropped } : correctBox(given(size), width, height);
      const box = noted(report, { file, annotation }, categories[label]!.name, corrected);
      return box === null ? [] : [{ id, box, label, area: areaOf(box), ignore: false }];
    });
    return [{ id: file, file, width, height, annotations }];
  });
  attempt(tell, () => refuseIfStrict(strict, file, report));
  return createDataset({ name, categories, images, report, pixels: { kind: 'files', folder, maxPixels } });
}

const placed = (fault: KdError, where: string): KdError =>
  where === '' ? fault : new KdError(fault.code, `${where}: ${fault.message}`, { cause: fault.cause });

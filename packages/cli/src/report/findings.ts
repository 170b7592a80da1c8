import { messageOf } from '@kd/core';
import { type ClassOutcomes, precisionRecall } from '@kd/metrics';
import type { Crop, DrawnBox, Findings } from '@kd/report/page';
import { around, jpeg } from './jpeg.js';
import type { Validated } from './validated.js';

/** Pixels of the longer side of a crop. */
const SIZE = 240;

/**
 * Precision and recall of a run, and its worst errors: at most `most` of each kind as pictures, or why there are none.
 */
export async function findingsOf(one: Validated, most: number, why: readonly string[]): Promise<Findings> {
  const { classes, cut, dataset, step } = one;
  const named = classes.map(({ detections, objects }, label) => {
    const { name } = dataset.categories[label]!;
    return {
      falseOnes: detections
        .filter(({ hit, score }) => !hit && score >= cut.score)
        .map(({ image, box, score }) => ({
          image,
          box,
          kind: 'false' as const,
          weight: score,
          caption: `${name}, score ${score.toFixed(2)}`,
        })),
      missed: objects.filter(isMissed(cut.score)).map(({ image, box, area }) => ({
        image,
        box,
        kind: 'missed' as const,
        weight: area,
        caption: `${name}, ${Math.round(box[2] - box[0])} × ${Math.round(box[3] - box[1])} pixels`,
      })),
    };
  });
  const falseOnes = named.flatMap((own) => own.falseOnes);
  const missed = named.flatMap((own) => own.missed);
  const notes = [...why];
  const crops = async (errors: readonly Error[]): Promise<Crop[]> => {
    const drawn: Crop[] = [];
    for (const error of [...errors].sort((a, b) => b.weight - a.weight).slice(0, most)) {
      try {
        drawn.push(await crop(one, error));
      } catch (cause) {
        notes.push(`a picture is missing: ${messageOf(cause)}`);
      }
    }
    return drawn;
  };
  return {
    step,
    classes: classes.map((own, label) => ({
      name: dataset.categories[label]!.name,
      objects: own.objects.length,
      precision: precisionRecall(own),
    })),
    cut,
    falseOnes: falseOnes.length,
    missedOnes: missed.length,
    crops: { falseOnes: await crops(falseOnes), missed: await crops(missed) },
    notes,
  };
}

interface Error {
  /** Place in the images. */
  readonly image: number;
  readonly box: DrawnBox['box'];
  readonly kind: 'false' | 'missed';
  readonly weight: number;
  readonly caption: string;
}

const isMissed =
  (from: number) =>
  ({ score }: ClassOutcomes['objects'][number]): boolean =>
    score === null || score < from;

/** The error, and what tells why: the objects around a false one, the detections on a missed one. */
async function crop({ dataset, images, classes, cut }: Validated, error: Error): Promise<Crop> {
  const record = images[error.image]!;
  const image = await dataset.readImage(record);
  const view = around(error.box, image);
  const names = dataset.categories.map(({ name }) => name);
  const others =
    error.kind === 'false'
      ? classes.flatMap(({ objects }, label) =>
          objects
            .filter((one) => one.image === error.image && meets(one.box, corners(view)))
            .map(({ box }): DrawnBox => ({ box, kind: 'object', text: names[label]! })),
        )
      : boxesOn(error.image, classes, names, cut.score).filter(
          ({ box, kind }) => kind !== 'missed' && meets(box, error.box),
        );
  const { box, kind, caption } = error;
  return {
    picture: await jpeg(image, view, SIZE),
    boxes: [{ box, kind, text: caption }, ...others],
    caption: `${caption}; ${record.file}`,
  };
}

const corners = ([x, y, w, h]: readonly [number, number, number, number]): DrawnBox['box'] => [x, y, x + w, y + h];

const meets = ([x1, y1, x2, y2]: DrawnBox['box'], [left, top, right, bottom]: DrawnBox['box']): boolean =>
  x1 < right && x2 > left && y1 < bottom && y2 > top;

/** Detections of an image from a score on, best first, and the objects that none of them found. */
export const boxesOn = (
  place: number,
  classes: readonly ClassOutcomes[],
  names: readonly string[],
  from: number,
): DrawnBox[] => [
  ...classes
    .flatMap(({ detections }, label) =>
      detections
        .filter(({ image, score }) => image === place && score >= from)
        .map((one) => ({ ...one, text: `${names[label]!} ${one.score.toFixed(2)}` })),
    )
    .sort((a, b) => b.score - a.score)
    .map(({ box, hit, text }): DrawnBox => ({ box, kind: hit ? 'hit' : 'false', text })),
  ...classes.flatMap(({ objects }, label) =>
    objects
      .filter((one) => one.image === place && isMissed(from)(one))
      .map(({ box }): DrawnBox => ({ box, kind: 'missed', text: names[label]! })),
  ),
];

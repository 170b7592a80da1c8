import { type Detector, type ImageDetections, type ImageRecord, KdError } from '@kd/core';
import { type HostImage } from '@kd/data';
import { outcomes } from '@kd/metrics';
import type { DrawnBox, Picture, SideBySide } from '@kd/report/page';
import { detectImages } from '../detect-images.js';
import { boxesOn } from './findings.js';
import type { ShownModel } from './models.js';
import { jpeg, whole } from './jpeg.js';
import { bestCut, type Validated } from './validated.js';

/** An image of the validation data that is shown. */
export interface ShownImage {
  readonly record: ImageRecord;
  readonly image: HostImage;
  readonly picture: Picture;
}

const SIZE = 420;

/** Images at even distances from all that every run could read. */
export async function shownImages(runs: readonly Validated[], count: number): Promise<ShownImage[]> {
  const { dataset, images } = runs[0]!;
  const others = runs.slice(1).map((one) => new Map(one.images.map((image) => [image.id, image.file])));
  const common = images.filter(({ id, file }) => others.every((files) => files.get(id) === file));
  const places = Array.from({ length: Math.min(count, common.length) }, (_, i) =>
    Math.floor(((i + 0.5) * common.length) / Math.min(count, common.length)),
  );
  return Promise.all(
    places.map(async (place) => {
      const record = common[place]!;
      const image = await dataset.readImage(record);
      return { record, image, picture: await jpeg(image, whole(image), SIZE) };
    }),
  );
}

/** The teachers that find boxes, and the runs on the same images. */
export async function sideBySideOf(
  shown: readonly ShownImage[],
  runs: readonly Validated[],
  teachers: readonly Pick<ShownModel, 'name' | 'detector'>[],
): Promise<SideBySide> {
  const columns: (SideBySide['models'][number] & { readonly boxes: readonly (readonly DrawnBox[])[] })[] = [];
  for (const { name, detector } of teachers)
    if (detector !== null) columns.push({ name, isTeacher: true, ...(await ofTeacher(detector, shown, runs[0]!)) });
  for (const { run, classes, cut, images, dataset } of runs) {
    const names = dataset.categories.map(({ name }) => name);
    const places = shown.map(({ record }) => images.findIndex(({ id }) => id === record.id));
    columns.push({
      name: run.name,
      isTeacher: false,
      cut,
      boxes: places.map((place) => boxesOn(place, classes, names, cut.score)),
    });
  }
  return {
    models: columns.map(({ name, isTeacher, cut }) => ({ name, isTeacher, cut })),
    images: shown.map(({ record, picture }, i) => ({
      name: record.file,
      picture,
      boxes: columns.map(({ boxes }) => boxes[i]!),
    })),
  };
}

/** It looks at the shown images alone, so that its cut is the best on these. */
async function ofTeacher(teacher: Detector, shown: readonly ShownImage[], { dataset }: Validated) {
  const labels = teacher.categories.map(({ name }) => dataset.categories.findIndex((one) => one.name === name));
  if (labels.every((label) => label < 0))
    throw new KdError('DATA_INVALID', 'none of the classes of the teacher is a class of the data.');
  const detections: ImageDetections[] = [];
  for (const { record, image } of shown) {
    const [found] = await detectImages(teacher, [image], 0);
    const known = found!.filter(({ label }) => labels[label]! >= 0);
    detections.push({
      id: record.id,
      boxes: Float32Array.from(known.flatMap(({ box }) => box)),
      scores: Float32Array.from(known, ({ score }) => score),
      labels: Int32Array.from(known, ({ label }) => labels[label]!),
    });
  }
  const classes = outcomes({ categories: dataset.categories, images: shown.map(({ record }) => record) }, detections);
  const cut = bestCut(classes);
  const names = dataset.categories.map(({ name }) => name);
  return { cut, boxes: shown.map((_, place) => boxesOn(place, classes, names, cut.score)) };
}

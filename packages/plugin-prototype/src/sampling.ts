import type { ImageRecord, Rng } from '@kd/core';

export interface SamplingOptions {
  readonly classes: number;
  /** Images of a class at the most. */
  readonly maxImages: number;
  /** Both sides are longer, in pixels of the original image. */
  readonly minSide: number;
}

/** An object of the training data that may become a prototype. */
export interface SampledInstance {
  /** Place of the image in the data set. */
  readonly image: number;
  /** Place among the image's annotations that are not to ignore. */
  readonly row: number;
  /** In pixels of the original image. */
  readonly box: readonly [number, number, number, number];
  readonly label: number;
}

export interface Sample {
  /** Places in the data set, ascending, each once. */
  readonly images: readonly number[];
  /** In the order of the images. */
  readonly instances: readonly SampledInstance[];
  /** Of each class. */
  readonly perClass: readonly { readonly images: number; readonly instances: number }[];
}

/**
 * For each class the images that hold an object of it that is large enough, at most so many, and in them all such
 * objects of that class. An image that
 * is drawn for two classes is there once.
 * @param rng gives the same draw every time: it is asked for a stream a class
 */
export function sampleInstances(
  images: readonly ImageRecord[],
  { classes, maxImages, minSide }: SamplingOptions,
  rng: Rng,
): Sample {
  const large = images.map(({ annotations }) =>
    annotations
      .filter(({ ignore }) => !ignore)
      .map(({ box, label }, row) => ({ row, box, label }))
      .filter(({ box: [x1, y1, x2, y2] }) => x2 - x1 > minSide && y2 - y1 > minSide),
  );
  const holding = Array.from({ length: classes }, (): number[] => []);
  large.forEach((objects, image) => {
    for (const label of new Set(objects.map((object) => object.label))) holding[label]?.push(image);
  });
  const drawn = holding.map(
    (all, label) => new Set(all.length > maxImages ? rng.stream('class', label).shuffle(all).slice(0, maxImages) : all),
  );
  const instances = large.flatMap((objects, image) =>
    objects.filter(({ label }) => drawn[label]?.has(image)).map((object): SampledInstance => ({ image, ...object })),
  );
  return {
    images: [...new Set(instances.map(({ image }) => image))],
    instances,
    perClass: drawn.map((own, label) => ({
      images: own.size,
      instances: instances.filter((instance) => instance.label === label).length,
    })),
  };
}

import type { Category, Dataset } from '@kd/core';

/**
 * The data set by the model's list of classes: labels match by name. Classes of the model that the data has not are
 * there without a box. Null where the data has others.
 */
export function byModelClasses<Own extends Dataset>(dataset: Own, names: readonly string[]): Own | null {
  const own = new Map(dataset.categories.map((category) => [category.name, category]));
  if (![...own.keys()].every((name) => names.includes(name))) return null;
  let free = Math.max(0, ...dataset.categories.map(({ id }) => id));
  const categories = names.map((name): Category => own.get(name) ?? { id: ++free, name });
  const labels = dataset.categories.map(({ name }) => names.indexOf(name));
  return {
    ...dataset,
    categories,
    images: dataset.images.map((image) => ({
      ...image,
      annotations: image.annotations.map((one) => ({ ...one, label: labels[one.label]! })),
    })),
  };
}

import type { Dataset } from '../contract/data.js';

/** A data set that ends after `count` images. */
export function firstImages(dataset: Dataset, count: number): Dataset {
  const images = dataset.images.slice(0, count);
  return {
    name: dataset.name,
    categories: dataset.categories,
    images,
    loader: (options) => dataset.loader({ ...options, indices: options.indices ?? images.map((_, place) => place) }),
  };
}

import type { Dataset, Loader, LoaderOptions } from './contract/data.js';
import { checkMembers, MEMBERS } from './members.js';

/** @throws KdError PLUGIN_INVALID where the data set gives no loader */
export function openLoader(dataset: Dataset, options: LoaderOptions): Loader {
  const loader = dataset.loader(options);
  checkMembers(loader, MEMBERS.loader, `the loader of ${dataset.name}`);
  return loader;
}

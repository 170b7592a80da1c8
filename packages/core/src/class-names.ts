import type { Category } from './contract/data.js';

/** Names of the classes of a detector or a data set, in the order of the labels. */
export const namesOf = ({ categories }: { readonly categories: readonly Category[] }): string[] =>
  categories.map(({ name }) => name);

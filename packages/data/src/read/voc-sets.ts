import { KdError } from '@kd/core/plain';
import { folderNames } from './folder-names.js';
import { from } from './safe-path.js';

/** One split of one VOC folder. */
export interface VocSet {
  /** Folder with `Annotations`, `ImageSets/Main` and `JPEGImages`. Relative paths start at the folder of the config. */
  readonly root: string;
  /** Name of a list in `ImageSets/Main`, without `.txt`. */
  readonly split: string;
}

/** A set with what tells its images from those of the other sets. */
export interface NamedSet {
  readonly root: string;
  readonly split: string;
  /** Goes before ids and files, e.g. `VOC2007/`; empty where there is one set only. */
  readonly prefix: string;
}

export const setName = ({ root, split }: VocSet): string => {
  const folder = root.replace(/[/\\]+$/, '').replace(/^.*[/\\]/, '');
  return ['', '.', '..'].includes(folder) ? split : `${folder}-${split}`;
};

/** Sets by the names of their folders, with as many of the folders above as are needed to tell them apart. */
export function namedSets(sets: readonly VocSet[], folder: string): readonly NamedSet[] {
  const roots = sets.map(({ root }) => from(folder, root).replace(/[/\\]+$/, ''));
  const names = folderNames(roots);
  if (names === null)
    throw new KdError(
      'CONFIG_INVALID',
      `the roots ${sets.map(({ root }) => root).join(', ')} cannot be told apart; write each in one way only.`,
    );
  return sets.map(({ split }, i) => ({ root: roots[i]!, split, prefix: `${names[i]!}/` }));
}

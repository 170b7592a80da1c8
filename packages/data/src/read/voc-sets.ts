import { basename, dirname, join } from 'node:path';
import { KdError } from '@kd/core/plain';
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
  const distinct = new Set(roots).size;
  let names = roots.map((root) => basename(root));
  for (let above = roots.map(dirname); new Set(names).size < distinct; above = above.map(dirname)) {
    if (above.every((one) => dirname(one) === one))
      throw new KdError(
        'CONFIG_INVALID',
        `the roots ${sets.map(({ root }) => root).join(', ')} cannot be told apart; write each in one way only.`,
      );
    names = names.map((name, i) => join(basename(above[i]!), name));
  }
  return sets.map(({ split }, i) => ({ root: roots[i]!, split, prefix: `${names[i]!.replaceAll('\\', '/')}/` }));
}

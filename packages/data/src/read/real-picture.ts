import type { Dirent } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { join, posix } from 'node:path';

interface Listing {
  /** The real path of the folder. */
  readonly at: string;
  readonly names: ReadonlyMap<string, Dirent>;
  readonly folded: ReadonlyMap<string, Dirent>;
}

/**
 * Tells whether two names of pictures below a folder mean one file: gives its real path, links followed. A name that is
 * not there as it stands is taken for one of the same letters, in other case or by other code points. Each folder is
 * listed once, and no picture looked at.
 */
export function realPictures(root: string): (file: string) => Promise<string> {
  const listings = new Map<string, Promise<Listing>>();
  const realOf = async (path: string): Promise<string> => {
    if (path === '.') return realpath(root).catch(() => root);
    const name = posix.basename(path);
    const { at, names, folded } = await listingOf(posix.dirname(path));
    const entry = names.get(name) ?? folded.get(fold(name));
    const file = join(at, entry?.name ?? name);
    return entry?.isSymbolicLink() === true ? realpath(file).catch(() => file) : file;
  };
  const listingOf = (folder: string): Promise<Listing> => {
    const listing = listings.get(folder) ?? realOf(folder).then(list);
    listings.set(folder, listing);
    return listing;
  };
  return (file) => realOf(posix.normalize(file));
}

async function list(at: string): Promise<Listing> {
  const entries = await readdir(at, { withFileTypes: true }).catch(() => []);
  return {
    at,
    names: new Map(entries.map((entry) => [entry.name, entry])),
    folded: new Map(entries.map((entry) => [fold(entry.name), entry])),
  };
}

const fold = (name: string): string => name.normalize('NFC').toLowerCase();

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Searches in one folder before it gives up: folders may be large, and names missing by the thousand. */
const SEARCHES = 20;

interface Searched {
  readonly listings: Map<string, Promise<readonly string[]>>;
  searches: number;
}

const folders = new Map<string, Searched>();

/**
 * The name that was probably meant, for a name that leads nowhere; null where none is found. Looks in the folder for
 * the end of the name (`C:\export\images\a.png`, `https://…/images/a.png`, the folder's own name before it), decoded
 * where it is URL-encoded, in any case. Only for messages: nothing is opened.
 */
export async function nameHint(folder: string, name: string): Promise<string | null> {
  const searched = folders.get(folder) ?? { listings: new Map(), searches: 0 };
  folders.set(folder, searched);
  if (++searched.searches > SEARCHES) return null;
  const list = (path: string): Promise<readonly string[]> => {
    const listing = searched.listings.get(path) ?? readdir(path).catch(() => []);
    searched.listings.set(path, listing);
    return listing;
  };
  for (const parts of spellings(name)) {
    for (let start = 0; start < parts.length; start++) {
      const found = await findInAnyCase(folder, parts.slice(start), list);
      if (found !== null && found !== name) return found;
    }
  }
  return null;
}

/** A sentence for the end of a message about a name that leads nowhere; empty where nothing like it is found. */
export async function didYouMean(folder: string, name: string): Promise<string> {
  const found = await nameHint(folder, name);
  return found === null ? '' : ` There is ${found}: is that the one?`;
}

/** The parts of the name without what says where it lay, as it stands and decoded. */
function spellings(name: string): string[][] {
  const path = name
    .replace(/^["']|["']$/g, '')
    .replace(/^.*[?&]d=/, '')
    .replaceAll('\\', '/');
  return [...new Set([path, decoded(path)])].map((text) =>
    text.split('/').filter((part) => !['', '.', '..'].includes(part)),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function findInAnyCase(
  folder: string,
  parts: readonly string[],
  list: (path: string) => Promise<readonly string[]>,
): Promise<string | null> {
  const found: string[] = [];
  for (const part of parts) {
    const names = await list(join(folder, ...found));
    const lower = part.toLowerCase();
    const match = names.includes(part) ? part : names.find((one) => one.toLowerCase() === lower);
    if (match === undefined) return null;
    found.push(match);
  }
  return found.join('/');
}

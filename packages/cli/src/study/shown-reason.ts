import { resolve } from 'node:path';

/**
 * A reason without the folders of this machine: it stands in files that people hand on.
 * @param folders that paths in it may begin with, in the order in which they are looked for
 */
export const shownReason = (why: string, folders: readonly string[]): string =>
  folders
    .map((folder) => `${resolve(folder)}/`)
    .reduce((text, start) => (start === '//' ? text : text.replaceAll(beginning(start), '')), why);

/** Where a path begins, and not inside of another. */
const beginning = (start: string): RegExp =>
  new RegExp(`(?<![\\w./-])${start.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`, 'g');

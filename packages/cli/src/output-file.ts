import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { KdError } from '@kd/core/plain';
import type { Flags } from './flags.js';
import { shownPath } from './shown-path.js';

/** However the two are written, links included. @throws KdError USAGE */
export async function refuseSame(from: string, to: string): Promise<void> {
  const [a, b] = await Promise.all([stat(from).catch(() => null), stat(to).catch(() => null)]);
  if (a !== null && b !== null && a.dev === b.dev && a.ino === b.ino)
    throw new KdError(
      'USAGE',
      `${to} is the file that is read, and would be written over; give the other a name of its own.`,
    );
}

/** What is there already is replaced with `--force` alone. @throws KdError USAGE */
export function refuseExisting(file: string, { force }: Flags): void {
  if (existsSync(file) && force !== true)
    throw new KdError('USAGE', `${shownPath(file)} is there already; name another file, or replace it with --force.`);
}

import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

/** `KD_GOLDEN_EVERY`: of the committed cases alone, one in so many, for engines on which all of them take minutes. */
export const every = Number(process.env['KD_GOLDEN_EVERY'] ?? 1);

export interface GoldenRoot {
  readonly name: 'committed' | 'golden';
  readonly folder: string;
  /** Why its cases cannot run, or null. */
  readonly missing: string | null;
}

/**
 * The committed subset and the golden folder, in this order. A `KD_GOLDEN` that leads nowhere is an error, not a reason
 * to skip.
 */
export function goldenRoots(): GoldenRoot[] {
  const named = process.env['KD_GOLDEN'];
  const folder =
    named === undefined || named === ''
      ? join(REPOSITORY, '..', 'shared', 'golden')
      : isAbsolute(named)
        ? named
        : resolve(REPOSITORY, named);
  const committed = { name: 'committed', folder: join(REPOSITORY, 'tests', 'golden', 'data'), missing: null } as const;
  if (every > 1) return [committed];
  const there = existsSync(folder);
  if (!there && named)
    throw new Error(
      `KD_GOLDEN is "${named}", but there is no folder ${folder}. Correct it, or unset it to run the committed cases alone.`,
    );
  return [
    committed,
    { name: 'golden', folder, missing: there ? null : 'KD_GOLDEN is not set and ../shared/golden does not exist' },
  ];
}

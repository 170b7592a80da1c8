import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Listener, writeFileAtomic } from '@kd/core';
import type { Overrides } from './overrides.js';

/**
 * Where the config of a run lies: kept in the run folder, so that later commands find the same plugins and relative
 * paths.
 */
export interface Origin {
  readonly config: string;
  /** Relative paths and plugins are looked up from here. */
  readonly folder: string;
  /** What the command line set over the config. */
  readonly overrides?: Overrides;
}

const NAME = 'origin.json';

export const originWriter = (origin: Origin): Listener => ({
  name: 'origin',
  on: async (event) => {
    if (event.type === 'start')
      await writeFileAtomic(join(event.run.folder, NAME), `${JSON.stringify(origin, null, 2)}\n`);
  },
});

export async function readOrigin(run: string): Promise<Origin | null> {
  try {
    return JSON.parse(await readFile(join(run, NAME), 'utf8')) as Origin;
  } catch {
    return null;
  }
}

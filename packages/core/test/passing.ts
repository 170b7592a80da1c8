import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../src/config.js';
import type { Hooks, PassView } from '../src/contract/plugin.js';
import { plugin } from './distillation.js';

/** What the passes of a distiller left in a run folder. */
export const passFiles = (out: string, id = 'walk'): Promise<string[]> =>
  readdir(join(out, 'passes', id)).then(
    (names) => names.sort(),
    () => [],
  );

/** One epoch with one pass, at its start. */
export const withPass = (pass: (view: PassView) => Promise<void>): Partial<Config> => ({
  epochs: 1,
  distillers: [
    plugin(
      'p',
      () =>
        ({
          datasetPass: {
            every: 0,
            run: async (view: PassView) => {
              await pass(view);
              return new Map();
            },
            use: () => {},
          },
        }) satisfies Hooks,
    ),
  ],
});

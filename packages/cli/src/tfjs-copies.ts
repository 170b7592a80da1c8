import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { discover } from '@kd/core';

export interface Copy {
  readonly version: string;
  readonly folder: string;
  /** Who would use it. */
  readonly by: readonly string[];
}

/**
 * The copies of @tensorflow/tfjs-core that the command line and the packages of a project would load. More than one is a
 * fault: they share one table of kernels and overwrite each other without a word.
 */
export async function tfjsCopies(project: string): Promise<Copy[]> {
  const fromProject = createRequire(join(project, 'package.json'));
  const askers = new Map<string, NodeJS.Require>([['kd', createRequire(import.meta.url)]]);
  for (const { package: name } of await discover(project)) {
    try {
      askers.set(name, createRequire(fromProject.resolve(`${name}/package.json`)));
    } catch {
      // A package that cannot be resolved is told when it is used.
    }
  }
  const copies = new Map<string, { version: string; by: string[] }>();
  for (const [name, require] of askers) {
    try {
      const file = require.resolve('@tensorflow/tfjs-core/package.json');
      const copy = copies.get(dirname(file)) ?? { version: (require(file) as { version: string }).version, by: [] };
      copies.set(dirname(file), { ...copy, by: [...copy.by, name] });
    } catch {
      // It uses none.
    }
  }
  return [...copies].map(([folder, copy]) => ({ folder, ...copy }));
}

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { discover, isDetectorEntry, type Logger, type Manifest, type ResolvedConfig, teacherEntries } from '@kd/core';

export interface Copy {
  readonly version: string;
  readonly folder: string;
  /** Who would use it. */
  readonly by: readonly string[];
}

/**
 * TensorFlow.js has one table of kernels and gradients for a process, whoever asks; what is registered last is used by
 * all.
 */
export const TENSORFLOW_JS = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers'] as const;

/** What is to be there once. */
export const SINGLE_PACKAGES = ['@kd/core', ...TENSORFLOW_JS] as const;

/**
 * The copies of packages that the command line and the packages of a project would load, by the name of the package.
 * @param counts which packages of the project are asked; default all that declare a plugin, detector or engine
 */
export async function copiesOf<Name extends string>(
  names: readonly Name[],
  project: string,
  counts: (manifest: Manifest) => boolean = () => true,
): Promise<Record<Name, Copy[]>> {
  const fromProject = createRequire(join(project, 'package.json'));
  const askers = new Map<string, NodeJS.Require>([['kd', createRequire(import.meta.url)]]);
  for (const { package: name } of (await discover(project)).filter(counts)) {
    try {
      askers.set(name, createRequire(fromProject.resolve(`${name}/package.json`)));
    } catch {
      // A package that cannot be resolved is told when it is used.
    }
  }
  return Object.fromEntries(names.map((name) => [name, copiesFor(name, askers)])) as Record<Name, Copy[]>;
}

function copiesFor(name: string, askers: ReadonlyMap<string, NodeJS.Require>): Copy[] {
  const copies = new Map<string, { version: string; by: string[] }>();
  for (const [asker, require] of askers) {
    try {
      const file = require.resolve(`${name}/package.json`);
      const copy = copies.get(dirname(file)) ?? { version: versionIn(file), by: [] };
      copies.set(dirname(file), { ...copy, by: [...copy.by, asker] });
    } catch {
      // It uses none.
    }
  }
  return [...copies].map(([folder, copy]) => ({ folder, ...copy }));
}

/** Read, not required: what a package names as its package.json could be code. */
const versionIn = (file: string): string =>
  String((JSON.parse(readFileSync(file, 'utf8')) as { readonly version?: unknown }).version);

/** One line for each package that is there more than once: who uses which, why that is bad, and the way out. */
export function copyWarnings(found: Readonly<Record<string, readonly Copy[]>>): string[] {
  return Object.entries(found)
    .filter(([, copies]) => copies.length > 1)
    .map(([name, copies]) => {
      const list = copies
        .map(
          ({ version, folder, by }) =>
            `${version} for ${by.length > 3 ? `${by[0]!} and ${by.length - 1} more` : by.join(', ')} (${folder})`,
        )
        .join('; ');
      const why =
        name === '@kd/core'
          ? 'plugins are to be made by the core that trains'
          : "they overwrite each other's kernels and gradients without a word";
      return `there are ${copies.length} copies of ${name}: ${list}; ${why}. Bring them to one: pnpm why ${name} tells who asks for which, pnpm dedupe (npm dedupe) joins what may be one; a plugin has it among its peerDependencies, not its dependencies.`;
    });
}

/** Warns before a training of copies of TensorFlow.js that it would load; of those of core the trainer itself tells. */
export async function warnOfCopies(config: ResolvedConfig, project: string, logger: Logger): Promise<void> {
  const { student, distillers, engine } = config;
  const taught = teacherEntries(config).map(([, one]) => (isDetectorEntry(one) ? one.detector : one));
  const entries = [student, ...taught, ...distillers, engine].filter((entry) => entry !== undefined);
  const used = new Set(entries.map(nameOf));
  for (const warning of copyWarnings(
    await copiesOf(
      TENSORFLOW_JS,
      project,
      (one) => used.has(one.name) || used.has(one.package) || (engine === 'auto' && one.kind === 'engine'),
    ),
  ))
    logger.warn(warning);
}

type Entry =
  | string
  | readonly [string, ...unknown[]]
  | { readonly definition: { readonly name: string } }
  | { readonly name: string };

function nameOf(entry: Entry): string {
  if (typeof entry === 'string') return entry;
  if ('definition' in entry) return entry.definition.name;
  return 'name' in entry ? entry.name : entry[0];
}

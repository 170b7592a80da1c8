import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DetectorDefinition } from './contract/detector.js';
import type { Engine } from './contract/engine.js';
import type { PluginDefinition } from './contract/plugin.js';
import { KdError, messageOf, suggestion } from './errors.js';

export type PluginKind = 'distiller' | 'detector' | 'engine';

/** What a package says of itself in its package.json, read without running any of its code. */
export interface Manifest {
  readonly kind: PluginKind;
  readonly name: string;
  readonly apiVersion: number;
  readonly package: string;
  readonly version: string;
  readonly description: string;
}

const PREFIX: Readonly<Record<PluginKind, string>> = { distiller: 'plugin', detector: 'detector', engine: 'engine' };

/** The folder of the nearest package.json at or above `folder`, or null. */
async function projectOf(folder: string): Promise<string | null> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if ((await readJson(join(at, 'package.json'))) !== null) return at;
    if (dirname(at) === at) return null;
  }
}

/** Manifests of the direct dependencies of the project that holds `folder`, sorted by kind and name. */
export async function discover(folder: string): Promise<Manifest[]> {
  const project = await projectOf(folder);
  if (project === null) return [];
  const own = (await readJson(join(project, 'package.json'))) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
  const names = Object.keys({ ...own['dependencies'], ...own['devDependencies'], ...own['optionalDependencies'] });
  const manifests = await Promise.all(names.map(async (name) => manifestOf(await dependencyJson(project, name))));
  return manifests.filter((manifest) => manifest !== null).sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));
}

async function dependencyJson(project: string, name: string): Promise<Record<string, unknown> | null> {
  for (let at = project; ; at = dirname(at)) {
    const found = await readJson(join(at, 'node_modules', name, 'package.json'));
    if (found !== null || dirname(at) === at) return found;
  }
}

async function readJson(file: string): Promise<Record<string, unknown> | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
}

function manifestOf(json: Record<string, unknown> | null): Manifest | null {
  const kd = json?.['kd'] as Partial<Manifest> | undefined;
  if (json === null || kd === undefined || kd.kind === undefined || !(kd.kind in PREFIX) || typeof kd.name !== 'string') return null;
  return {
    kind: kd.kind,
    name: kd.name,
    apiVersion: Number(kd.apiVersion),
    package: String(json['name']),
    version: String(json['version']),
    description: String(json['description'] ?? ''),
  };
}

interface Kinds {
  distiller: PluginDefinition;
  detector: DetectorDefinition;
  engine: Engine;
}

/**
 * Imports what a name stands for: a manifest of that name, else `@kd/plugin-NAME`, else `kd-plugin-NAME` (`detector`, `engine` likewise).
 * @throws KdError PLUGIN_NOT_FOUND listing what is installed and the line that installs it
 */
export async function importByName<K extends PluginKind>(kind: K, name: string, folder: string): Promise<Kinds[K]> {
  const manifests = await discover(folder);
  const manifest = manifests.find((one) => one.kind === kind && (one.name === name || one.package === name));
  const candidates = manifest === undefined ? [`@kd/${PREFIX[kind]}-${name}`, `kd-${PREFIX[kind]}-${name}`, name] : [manifest.package];
  const project = (await projectOf(folder)) ?? folder;
  const require = createRequire(join(project, 'package.json'));
  for (const candidate of candidates) {
    let file: string;
    try {
      file = require.resolve(candidate);
    } catch {
      continue;
    }
    return definitionOf(kind, candidate, await importFile(candidate, file));
  }
  const installed = manifests.filter((one) => one.kind === kind).map((one) => one.name);
  throw new KdError(
    'PLUGIN_NOT_FOUND',
    `no ${kind} named "${name}" is installed for ${project}; ${suggestion(name, installed)} Installed: ${installed.join(', ') || 'none'}. To add one: pnpm add @kd/${PREFIX[kind]}-${name}`,
  );
}

async function importFile(name: string, file: string): Promise<unknown> {
  try {
    return ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new KdError('PLUGIN_INVALID', `${name} could not be imported: ${messageOf(cause)}`, { cause });
  }
}

function definitionOf<K extends PluginKind>(kind: K, name: string, exported: unknown): Kinds[K] {
  if (kind === 'engine' && typeof exported === 'function') return (exported as () => Kinds[K])();
  const definition = (exported as { definition?: { kind?: string } } | undefined)?.definition;
  if (definition?.kind !== kind) {
    throw new KdError('PLUGIN_INVALID', `the default export of ${name} is no ${kind}; it must be what ${kind === 'detector' ? 'defineDetector' : 'definePlugin'} returns.`);
  }
  return definition as unknown as Kinds[K];
}

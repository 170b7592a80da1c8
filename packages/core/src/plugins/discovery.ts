import { readFile } from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DetectorDefinition } from '../contract/detector.js';
import type { Engine } from '../contract/engine.js';
import { API_VERSION, type PluginDefinition } from '../contract/plugin.js';
import { KdError, messageOf, suggestion } from '../errors.js';
import type { Preset } from './preset.js';

export type PluginKind = 'distiller' | 'detector' | 'engine' | 'preset';

/**
 * What a package says of itself in its package.json, under `kd`: one of these or a list of them, read without running
 * any of its code.
 */
export interface Manifest {
  readonly kind: PluginKind;
  readonly name: string;
  readonly apiVersion: number;
  /** Which export of the package it is; `default` unless said. */
  readonly export: string;
  readonly package: string;
  readonly version: string;
  readonly description: string;
}

const PREFIX: Readonly<Record<PluginKind, string>> = {
  distiller: 'plugin',
  detector: 'detector',
  engine: 'engine',
  preset: 'plugin',
};

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
  const own = (await readJson(join(project, 'package.json'))) as Readonly<
    Record<string, Readonly<Record<string, string>> | undefined>
  >;
  const names = Object.keys({ ...own['dependencies'], ...own['devDependencies'], ...own['optionalDependencies'] });
  const manifests = await Promise.all(names.map(async (name) => manifestsOf(await dependencyJson(project, name))));
  return manifests.flat().sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));
}

async function dependencyJson(project: string, name: string): Promise<Record<string, unknown> | null> {
  const folder = await dependencyFolder(project, name);
  return folder === null ? null : readJson(join(folder, 'package.json'));
}

/** Where Node would find a package of this name, or null. */
async function dependencyFolder(project: string, name: string): Promise<string | null> {
  for (let at = project; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    if ((await readJson(join(folder, 'package.json'))) !== null) return folder;
    if (dirname(at) === at) return null;
  }
}

async function readJson(file: string): Promise<Record<string, unknown> | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
}

function manifestsOf(json: Record<string, unknown> | null): Manifest[] {
  if (json === null) return [];
  return [json['kd']].flat().flatMap((entry) => {
    const kd = entry as Partial<Manifest> | null | undefined;
    if (!kd || kd.kind === undefined || !Object.hasOwn(PREFIX, kd.kind) || typeof kd.name !== 'string') return [];
    return [
      {
        kind: kd.kind,
        name: kd.name,
        apiVersion: Number(kd.apiVersion),
        export: kd.export ?? 'default',
        package: String(json['name']),
        version: String(json['version']),
        description: String(json['description'] ?? ''),
      },
    ];
  });
}

interface Kinds {
  distiller: PluginDefinition;
  detector: DetectorDefinition;
  engine: Engine;
  preset: Preset;
}

/**
 * Imports what a name stands for: a manifest of that name, else `@kd/plugin-NAME`, else `kd-plugin-NAME` (`detector`,
 * `engine` likewise).
 * The name of a package stands for the only one of the kind that it declares.
 * @throws KdError PLUGIN_NOT_FOUND listing what is installed and the line that installs it
 */
export async function importByName<K extends PluginKind>(kind: K, name: string, folder: string): Promise<Kinds[K]> {
  const manifests = await discover(folder);
  const ofKind = manifests.filter((one) => one.kind === kind);
  const manifest =
    ofKind.find((one) => one.name === name) ??
    onlyOneOf(
      name,
      ofKind.filter((one) => one.package === name),
    );
  if (manifest !== undefined && manifest.apiVersion !== API_VERSION) throw otherContract(manifest);
  const candidates =
    manifest === undefined ? [`@kd/${PREFIX[kind]}-${name}`, `kd-${PREFIX[kind]}-${name}`, name] : [manifest.package];
  const project = (await projectOf(folder)) ?? folder;
  for (const candidate of candidates.filter((one) => !isBuiltin(one))) {
    const file = await entryOf(project, candidate);
    if (file === null) continue;
    const declared =
      manifest ??
      manifestsOf(await dependencyJson(project, candidate)).find((one) => one.kind === kind && one.name === name);
    const exported = declared?.export ?? 'default';
    const who = declared === undefined ? candidate : `${candidate} ${declared.version}`;
    return definitionOf(kind, who, exported, (await importFile(who, file))[exported]);
  }
  // The name of a preset stands where that of a distiller does.
  const installed = manifests
    .filter((one) => one.kind === kind || (kind === 'distiller' && one.kind === 'preset'))
    .map((one) => one.name);
  const lacking = name.split('+').map((one) => `@kd/${PREFIX[kind]}-${one}`);
  throw new KdError(
    'PLUGIN_NOT_FOUND',
    `no ${kind} named "${name}" is installed for ${project}; ${suggestion(name, installed)} Installed: ${installed.join(', ') || 'none'}. To add one: pnpm add ${lacking.join(' ')}`,
  );
}

function otherContract({ package: holder, version, apiVersion }: Manifest): KdError {
  const built = Number.isNaN(apiVersion)
    ? 'does not say for which version of the contract it is built (kd.apiVersion in its package.json)'
    : `is built for version ${apiVersion} of the contract`;
  const way =
    apiVersion > API_VERSION
      ? `Bring core up to it (pnpm up --latest @kd/core @kd/cli), or install an older version of ${holder}`
      : `Install a newer version of it: pnpm add ${holder}@latest`;
  return new KdError('PLUGIN_INVALID', `${holder} ${version} ${built}, this core speaks ${API_VERSION}. ${way}.`);
}

function onlyOneOf(name: string, declared: readonly Manifest[]): Manifest | undefined {
  if (declared.length < 2) return declared[0];
  throw new KdError(
    'PLUGIN_NOT_FOUND',
    `${name} holds more than one ${declared[0]!.kind}: ${declared.map((one) => one.name).join(', ')}. Write one of these names.`,
  );
}

/** The file that importing a package would load, or null where it is not installed. */
async function entryOf(project: string, name: string): Promise<string | null> {
  try {
    return createRequire(join(project, 'package.json')).resolve(name);
  } catch (cause) {
    if (
      (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' &&
      (await dependencyFolder(project, name)) === null
    )
      return null;
    // Installed, but nothing there for `require`: a package that exports to `import` alone.
    const folder = await dependencyFolder(project, name);
    const { exports } = ((folder === null ? null : await readJson(join(folder, 'package.json'))) ?? {}) as {
      exports?: Exports;
    };
    const entry = importEntry(typeof exports === 'object' && exports['.'] !== undefined ? exports['.'] : exports);
    if (folder === null || entry === undefined)
      throw new KdError(
        'PLUGIN_INVALID',
        `${name} is installed but cannot be loaded: ${messageOf(cause)}. Was it built?`,
        { cause },
      );
    return join(folder, entry);
  }
}

type Exports = string | { readonly [condition: string]: Exports | undefined };

const importEntry = (entry: Exports | undefined): string | undefined =>
  typeof entry === 'object' ? importEntry(entry['node'] ?? entry['import'] ?? entry['default']) : entry;

async function importFile(name: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    // "Cannot find package 'x'" where it is imported, "Cannot find module 'x'" where it is required; a path is a file
    // of the package itself.
    const missing = /MODULE_NOT_FOUND$/.test((cause as NodeJS.ErrnoException).code ?? '')
      ? /(?:package|module) '((?:@[^'/]+\/)?[^'./][^'/]*)/.exec(messageOf(cause))?.[1]
      : undefined;
    if (missing !== undefined) {
      throw new KdError(
        'PLUGIN_INVALID',
        `${name} needs the package ${missing}, which is not installed beside it. To add it: pnpm add ${missing}`,
        { cause },
      );
    }
    throw new KdError('PLUGIN_INVALID', `${name} could not be imported: ${messageOf(cause)}`, { cause });
  }
}

function definitionOf<K extends PluginKind>(kind: K, name: string, exportName: string, exported: unknown): Kinds[K] {
  if (kind === 'engine' && typeof exported === 'function') return (exported as () => Kinds[K])();
  if (kind === 'preset') {
    if (Array.isArray(exported) || typeof exported === 'function') return exported as unknown as Kinds[K];
    throw new KdError(
      'PLUGIN_INVALID',
      `the export "${exportName}" of ${name} is no preset; it must be a list of distillers, or a function that gives one.`,
    );
  }
  const definition = (exported as { definition?: { kind?: string } } | undefined)?.definition;
  if (definition?.kind !== kind) {
    throw new KdError(
      'PLUGIN_INVALID',
      `the ${exportName === 'default' ? 'default export' : `export "${exportName}"`} of ${name} is no ${kind}; it must be what ${kind === 'detector' ? 'defineDetector' : 'definePlugin'} returns.`,
    );
  }
  return definition as unknown as Kinds[K];
}
